import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import koffi from "koffi";
import { CONSTANTS } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import type { Kernel } from "./kernel.ts";

/** How a process ended; `code` is null when the kernel cannot tell (not our child, before 6.15). */
export interface ExitStatus {
  code: number | null;
  signal: number | null;
}

const SIGINFO_BYTES = 128;
const SI_CODE = 8;
const SI_PID = 16;
const SI_STATUS = 24;
const CLD_EXITED = 1;
const PIDFD_INFO_BYTES = 64;
const PIDFD_INFO_EXIT = 8n;
const PIDFD_INFO_EXIT_CODE = 60;
/** _IOWR(0xFF, 11, struct pidfd_info) of linux/pidfd.h. */
const PIDFD_GET_INFO = 0xc000ff0b + PIDFD_INFO_BYTES * 0x10000;

/** How often a process that has ended under a tracer is asked for. */
const TRACED_LOOK_EVERY_MS = 20;
/** How long an exit code is waited for whose parent is somebody else: until that one reaps, the kernel does not tell. */
const REAPED_BY_OTHERS_MS = 5_000;

/** Resolves when the process behind the pidfd has ended (pidfd_open(2): it then polls readable). */
export function untilEnded(pidfd: number, signal?: AbortSignal): Promise<void> {
  return untilPolled(pidfd, { readable: true }, signal);
}

function untilPolled(
  pidfd: number,
  events: { readable?: boolean; disconnect?: boolean },
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const handle = koffi.node.poll(pidfd, events, () => settle(resolve));
    const onAbort = (): void => settle(() => reject(signal?.reason as Error));
    const settle = (then: () => void): void => {
      signal?.removeEventListener("abort", onAbort);
      handle.stop();
      handle.close();
      then();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Waits for the end and takes the status. A child of ours is reaped with waitid(P_PIDFD) and never P_ALL, which would steal
 * child_process's exits; another's status is asked of the pidfd (PIDFD_GET_INFO, Linux 6.15).
 */
export async function reap(kernel: Kernel, pidfd: number, signal?: AbortSignal): Promise<ExitStatus> {
  await untilEnded(pidfd, signal);
  const info = Buffer.alloc(SIGINFO_BYTES);
  const options = CONSTANTS.WEXITED | CONSTANTS.WNOHANG | CONSTANTS.__WALL;
  for (;;) {
    const result = kernel.attempt("waitid", CONSTANTS.P_PIDFD, pidfd, info, options, null);
    if (result === -ERRNO.ECHILD) return statusOfStranger(kernel, pidfd);
    if (result < 0) kernel.call("waitid", CONSTANTS.P_PIDFD, pidfd, info, options, null);
    if (info.readInt32LE(SI_PID) !== 0) break;
    // Somebody in the container traces it: its parent is told when the tracer has taken its end, or has ended itself (ptrace(2)).
    await delay(TRACED_LOOK_EVERY_MS, undefined, { signal });
  }
  const status = info.readInt32LE(SI_STATUS);
  return info.readInt32LE(SI_CODE) === CLD_EXITED ? { code: status, signal: null } : { code: 128 + status, signal: status };
}

async function statusOfStranger(kernel: Kernel, pidfd: number): Promise<ExitStatus> {
  const unknown = { code: null, signal: null };
  const atOnce = exitInfo(kernel, pidfd);
  if (atOnce === "unsupported") return unknown;
  // pidfs: EPOLLHUP says that it is reaped.
  const limit = AbortSignal.timeout(REAPED_BY_OTHERS_MS);
  if (atOnce === undefined) await untilPolled(pidfd, { disconnect: true }, limit).catch(() => {});
  const status = atOnce ?? exitInfo(kernel, pidfd);
  if (typeof status !== "number") return unknown;
  // The wait status of wait(2): the low seven bits are the signal, the next byte is the exit code.
  const killedBy = status & 0x7f;
  return killedBy === 0 ? { code: (status >> 8) & 0xff, signal: null } : { code: 128 + killedBy, signal: killedBy };
}

/** Undefined for a process that is not reaped yet. */
function exitInfo(kernel: Kernel, pidfd: number): number | "unsupported" | undefined {
  const info = Buffer.alloc(PIDFD_INFO_BYTES);
  info.writeBigUInt64LE(PIDFD_INFO_EXIT, 0);
  const result = kernel.attempt("ioctl", pidfd, PIDFD_GET_INFO, info);
  if (result === -ERRNO.ENOTTY || result === -ERRNO.EINVAL) return "unsupported";
  if (result < 0 || (info.readBigUInt64LE(0) & PIDFD_INFO_EXIT) === 0n) return undefined;
  return info.readInt32LE(PIDFD_INFO_EXIT_CODE);
}

/**
 * A process's start time in clock ticks since boot, proc_pid_stat(5) field 22: with the pid it names one process for ever.
 * undefined when there is no such process.
 */
export function startTimeOf(pid: number): number | undefined {
  const time = statusFields(pid)?.[19];
  return time === undefined ? undefined : Number(time);
}

/** True for a process that has ended and waits for its parent to reap it. */
export function isZombie(pid: number): boolean {
  return statusFields(pid)?.[0] === "Z";
}

/** proc_pid_stat(5) from the third field, the state, on. */
function statusFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses, which may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
