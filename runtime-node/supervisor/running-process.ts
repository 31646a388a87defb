import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Kernel } from "#kernel/kernel.ts";
import { reap, startTimeOf, untilEnded } from "#kernel/pidfd.ts";
import type { ProcessSpec } from "./process-spec.ts";

/** A process of the platform, however we came by it: spawned by us, or found running. */
export interface RunningProcess {
  readonly pid: number;
  /** Resolves at its end to how it ended, for a person: `1`, `SIGKILL`, `an unknown code`. */
  readonly ended: Promise<string>;
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface SpawnedProcess extends RunningProcess {
  /** The reading end of its fd 3. */
  readonly readiness: Readable;
}

const REAPED_BY_INIT_MS = 50;
const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const;

export function spawnProcess({ command, args, env, logFile, inheritedFds = [] }: ProcessSpec): SpawnedProcess {
  const log = openSync(logFile, "a", 0o600);
  try {
    // A session of its own: Ctrl-C on our terminal is for us, and we end the others in order.
    const child = spawn(command, args, { env, detached: true, stdio: ["ignore", log, log, "pipe", ...inheritedFds] });
    return {
      pid: child.pid ?? 0,
      ended: endOf(child),
      readiness: child.stdio[3] as Readable,
      signal: (name) => void child.kill(name),
    };
  } finally {
    closeSync(log);
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    return signal ?? String(code);
  } catch (error) {
    // A command that cannot be spawned emits only "error".
    return (error as Error).message;
  }
}

/**
 * Takes over a process that a former supervisor, or this one before it became another program, has started. Undefined when it is gone, or
 * another has its pid by now.
 */
export function adoptProcess(kernel: Kernel, pid: number, startTime: number): RunningProcess | undefined {
  const pidfd = kernel.attempt("pidfd_open", pid, 0);
  if (pidfd < 0) return undefined;
  if (startTimeOf(pid) !== startTime) {
    kernel.attempt("close", pidfd);
    return undefined;
  }
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
    kernel.attempt("close", pidfd);
  };
  const signal = (name: keyof typeof SIGNALS): void => {
    if (isOpen) kernel.attempt("pidfd_send_signal", pidfd, SIGNALS[name], null, 0);
  };
  return { pid, ended: endOfAdopted(kernel, pidfd, close), signal };
}

async function endOfAdopted(kernel: Kernel, pidfd: number, close: () => void): Promise<string> {
  await untilEnded(pidfd);
  const status = reap(kernel, pidfd);
  void status.finally(close);
  // Not our child: the code is known when init has reaped it, and nobody waits for that.
  const { code, signal } = await Promise.race([status, delay(REAPED_BY_INIT_MS, { code: null, signal: null })]);
  return signal === null ? String(code ?? "an unknown code") : `signal ${signal}`;
}

/** SIGTERM, and SIGKILL when it has not ended by then. */
export async function endProcess(process: RunningProcess, killAfterMs: number): Promise<void> {
  process.signal("SIGTERM");
  const timer = setTimeout(() => process.signal("SIGKILL"), killAfterMs);
  await process.ended;
  clearTimeout(timer);
}
