import { statfs } from "node:fs/promises";
import type { HomeLayout } from "#contracts/home.ts";
import { steadyNow } from "#contracts/steady-time.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** So often it is looked whether a disk that was full has more room. */
const LOOK_AGAIN_MS = 2_000;

type Home = Pick<HomeLayout, "images" | "instances" | "volumes">;
type Room = { at: number; freeBytes: number };

/** What is free now, and when to look again. */
export async function roomNow({ images, instances, volumes }: Home): Promise<Room> {
  // A disk that holds two of them counts twice: all that matters is whether it became more.
  const disks = await Promise.all([images, instances, volumes].map((folder) => statfs(folder)));
  const freeBytes = disks.reduce((sum, { bfree, bsize }) => sum + bfree * bsize, 0);
  return { at: steadyNow() + LOOK_AGAIN_MS, freeBytes };
}

/**
 * Whether a start that met a full disk may be tried again: when there is more room than there was then, so that a large image is not fetched
 * again and again in vain. When there is not, it notes when to look again.
 */
export async function hasMoreRoom(home: Home, lifecycle: Lifecycle, runSerial: number): Promise<boolean> {
  if (lifecycle.type !== "failed" || lifecycle.retry === undefined || lifecycle.runSerial < runSerial) return true;
  const { at, freeBytes } = await roomNow(home);
  if (freeBytes > lifecycle.retry.freeBytes) return true;
  lifecycle.retry.at = at;
  return false;
}
