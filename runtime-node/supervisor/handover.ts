import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Program, UpgradeLine } from "#contracts/server-upgrade.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { replaceProcess } from "#kernel/replace-process.ts";

/** Grows when an older program could not understand what a newer one hands over, or the other way round. */
export const HANDOVER_FORMAT = 1;
/** Says, by its pid, that a process was a supervisor already when it became this program. */
const HANDOVER_MARK = "SLIPWAY_HANDOVER";
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * What a supervisor gives to the program that it becomes. Its children stay its children, and what they are stands in the run folder's
 * files; these are the fds that must not close for a moment, and what to tell those who follow the upgrade.
 */
export interface Handover {
  format: number;
  lock: number;
  /** HTTP, HTTPS. */
  listeners: number[];
  /** The fd store's. */
  kept: [name: string, fd: number][];
  /** What this process was before: the way back. */
  former: Program & { version: string };
  said: UpgradeLine[];
  /** Why the program of before gave up, when this is the way back. */
  failure?: string;
}

const fileOf = (run: string): string => join(run, "handover.json");

/** Becomes the program, with the same arguments. Throws when the kernel refuses; all is as before then. */
export function handOver(kernel: Kernel, run: string, program: Program, handover: Handover): never {
  writeFileSync(fileOf(run), JSON.stringify(handover), { mode: 0o600 });
  const { node, entry, compileCache } = program;
  const env = {
    ...process.env,
    ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
    [HANDOVER_MARK]: String(process.pid),
  };
  const { lock, listeners, kept } = handover;
  const inherit = [lock, ...listeners, ...kept.map(([, fd]) => fd)];
  return replaceProcess(kernel, { path: node, argv: [node, entry, ...process.argv.slice(2)], env, inherit });
}

/** What this process was given by the supervisor it was; undefined in one that was started as such. */
export function takeOver(kernel: Kernel, run: string): Handover | undefined {
  const isSuccessor = becameSupervisor();
  delete process.env[HANDOVER_MARK];
  const text = isSuccessor ? readFileSync(fileOf(run), "utf8") : undefined;
  rmSync(fileOf(run), { force: true });
  if (text === undefined) return undefined;
  const handover = JSON.parse(text) as Handover;
  if (handover.format !== HANDOVER_FORMAT)
    throw new Error(
      `a handover of format ${handover.format} was left by the former program, and this one reads ${HANDOVER_FORMAT}`,
    );
  const { lock, listeners, kept } = handover;
  for (const fd of [lock, ...listeners, ...kept.map(([, one]) => one)]) kernel.call("fcntl", fd, F_SETFD, FD_CLOEXEC);
  return handover;
}

/** Whether this process was a supervisor before it became this program. */
export const becameSupervisor = (): boolean => process.env[HANDOVER_MARK] === String(process.pid);
