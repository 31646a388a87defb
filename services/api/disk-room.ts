import { statfs } from "node:fs/promises";
import type { HomeLayout } from "#contracts/home.ts";
import { apiError } from "./errors.ts";

const MIB = 1024 ** 2;
/** What a change, its events and a few records take, with room to spare. */
const LEAST_MIB = 8;

/**
 * Refuses what would begin something on a disk that is all but full: what is accepted must also be carried out, and what became of it told.
 * @throws SLIPWAY_API_DISK_FULL
 */
export async function requireRoom({ home, nats }: HomeLayout): Promise<void> {
  const { bavail, bsize } = await statfs(nats);
  const freeMib = Math.floor((bavail * bsize) / MIB);
  if (freeMib >= LEAST_MIB) return;
  const message = `the disk of ${home} has ${freeMib} MiB left, of the ${LEAST_MIB} that a change needs: nothing was changed`;
  throw apiError("SLIPWAY_API_DISK_FULL", message);
}
