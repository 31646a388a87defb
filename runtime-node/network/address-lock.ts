import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Kernel } from "#kernel/kernel.ts";
import { networkError } from "./errors.ts";

/** Shared by all platforms of a machine: each has its run folder in it. */
const FOLDER = "/run/slipway";
const LOCK_EX = 2;
const LOCK_NB = 4;
const RETRY_MS = 10;
/** Whoever holds it makes a few system calls; only a stopped process takes longer. */
const WAIT_MS = 15_000;

/**
 * Held while a platform chooses a range of addresses and takes it, so that two which start at once do not choose the same. flock(2) on
 * the folder itself: the kernel lets go however the holder ends, and no file is left.
 */
export async function lockAddresses(kernel: Kernel, signal?: AbortSignal): Promise<Disposable> {
  mkdirSync(FOLDER, { recursive: true, mode: 0o711 });
  const fd = openSync(FOLDER, constants.O_RDONLY | constants.O_DIRECTORY);
  const deadline = performance.now() + WAIT_MS;
  try {
    while (kernel.attempt("flock", fd, LOCK_EX | LOCK_NB) < 0) {
      if (performance.now() > deadline) {
        throw networkError(
          "SLIPWAY_NETWORK_SETUP_FAILED",
          `another platform of this machine has been choosing its addresses for ${WAIT_MS} ms (a lock on ${FOLDER})`,
        );
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
