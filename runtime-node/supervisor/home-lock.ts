import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isErrno, type Kernel } from "#kernel/kernel.ts";
import { serverError } from "./errors.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** One server a home: flock(2) on a file in it, which the kernel lets go of however the process ends. */
export interface HomeLock extends Disposable {
  /** Holds the lock for as long as it is open, in whatever program this process becomes. */
  readonly fd: number;
}

export function lockHome(kernel: Kernel, home: string): HomeLock {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, "server.lock");
  const fd = openSync(path, "a+", 0o600);
  try {
    takeLock(kernel, fd, home, path);
    kernel.call("ftruncate", fd, 0);
    writeSync(fd, `pid ${process.pid}\n`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return heldLock(fd);
}

/** The lock that this process took when it was another program. */
export function heldLock(fd: number): HomeLock {
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function takeLock(kernel: Kernel, fd: number, home: string, path: string): void {
  try {
    kernel.call("flock", fd, LOCK_EX | LOCK_NB);
  } catch (cause) {
    // flock(2): EWOULDBLOCK, the same number, is the one that means a holder.
    if (!isErrno(cause, "EAGAIN")) throw cause;
    const holder = readFileSync(path, "utf8").trim();
    const message = `a server runs on ${home} already (${holder || "its pid is not known"})`;
    throw serverError("SLIPWAY_SERVER_ALREADY_RUNS", message, { cause });
  }
}
