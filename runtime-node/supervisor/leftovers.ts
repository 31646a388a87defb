import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { CONSTANTS } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { isZombie, startTimeOf } from "#kernel/pidfd.ts";
import type { ProcessRecords } from "./process-records.ts";

/** In the environment of every process that a supervisor starts: `<hash of the home>/<name>`. */
export const PROCESS_MARK = "SLIPWAY_PROCESS";

export interface Leftover {
  name: string;
  pid: number;
  startTime: number;
}

/**
 * The platform's processes that run now and were started by a former supervisor, newest first: those on record, and any of root's that
 * carries the home's mark, since a supervisor may be killed before it records what it has started. Nothing in a container is one: that is
 * in a pid namespace of its own.
 */
export function findLeftovers(kernel: Kernel, hash: string, records: ProcessRecords): Leftover[] {
  const found = new Map<number, Leftover>();
  for (const { name, pid, startTime } of records.all) {
    if (pid !== process.pid && startTimeOf(pid) === startTime) found.set(pid, { name, pid, startTime });
  }
  for (const pid of readdirSync("/proc").map(Number)) {
    if (!(pid > 0) || found.has(pid)) continue;
    const name = markOf(pid, hash);
    const startTime = startTimeOf(pid);
    if (name !== undefined && startTime !== undefined) found.set(pid, { name, pid, startTime });
  }
  return [...found.values()].filter(({ pid }) => runs(kernel, pid)).toSorted((a, b) => b.startTime - a.startTime);
}

/** Anybody may write what he likes into an environment: only root's processes count, and none of a container's. */
function isOneOfOurs(pid: number): boolean {
  const sameOwner = statSync(`/proc/${pid}`).uid === process.getuid?.();
  return sameOwner && readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync("/proc/self/ns/pid");
}

/** A child of ours that ended while this process became another program is reaped; init's is init's. */
function runs(kernel: Kernel, pid: number): boolean {
  if (!isZombie(pid)) return true;
  const pidfd = kernel.attempt("pidfd_open", pid, 0);
  if (pidfd < 0) return false;
  kernel.attempt("waitid", CONSTANTS.P_PIDFD, pidfd, null, CONSTANTS.WEXITED | CONSTANTS.WNOHANG, null);
  kernel.attempt("close", pidfd);
  return false;
}

function markOf(pid: number, hash: string): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    const mark = `${PROCESS_MARK}=${hash}/`;
    const entry = environment.split("\0").find((one) => one.startsWith(mark));
    return entry !== undefined && isOneOfOurs(pid) ? entry.slice(mark.length) : undefined;
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
