import { readFileSync, statSync } from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";
import type { Leftover } from "./leftovers.ts";
import { PlatformProcess, type ProcessState } from "./platform-process.ts";
import type { ProcessRecords } from "./process-records.ts";
import type { ProcessSpec } from "./process-spec.ts";
import { adoptProcess, type RunningProcess } from "./running-process.ts";

/** A nats-server that runs answers at once, or is not worth keeping. */
const KEEP_PROBE_MS = 3_000;

export interface SettleOptions {
  kernel: Kernel;
  /** In the order in which they start. */
  specs: readonly ProcessSpec[];
  leftovers: readonly Leftover[];
  records: ProcessRecords;
  /** Whether a process that runs may stay: it was started as the spec says, and nothing it reads has changed. */
  mayStay: (spec: ProcessSpec) => boolean;
  onState: (name: string, state: ProcessState, detail: string) => void;
  signal: AbortSignal;
}

/**
 * Starts the platform's processes, one after the other, each when the one before it is ready. What a former supervisor left running serves
 * until its turn: then it is replaced, since only what is started now surely runs what is installed now. Resolves when all are ready; what
 * was begun is `acquired`'s also when one does not get there.
 */
export async function settleProcesses(options: SettleOptions, acquired: AsyncDisposableStack): Promise<void> {
  const { specs, signal } = options;
  const all = specs.map((spec) => {
    const process = acquired.use(new PlatformProcess(spec, options.records, options.onState));
    return { process, found: adoptAll(process, options) };
  });
  for (const { process, found } of all) {
    if (found === undefined) await process.start(signal);
    else if (await canStay(process.spec, found, options))
      options.onState(process.spec.name, "ready", `pid ${found.pid}, kept`);
    else await process.renew(signal);
  }
}

/** The newest goes on as the process; others of its name end. */
function adoptAll(process: PlatformProcess, { kernel, leftovers }: SettleOptions): RunningProcess | undefined {
  const running = leftovers
    .filter(({ name }) => name === process.spec.name)
    .flatMap(({ pid, startTime }) => adoptProcess(kernel, pid, startTime) ?? []);
  const [newest, ...others] = running;
  if (newest !== undefined) process.adopt(newest);
  for (const other of others) process.retire(other);
  return newest;
}

async function canStay(spec: ProcessSpec, { pid }: RunningProcess, { mayStay, signal }: SettleOptions): Promise<boolean> {
  if (!mayStay(spec) || spec.ready.by !== "probe" || !runs(spec, pid)) return false;
  try {
    await spec.ready.probe(AbortSignal.any([signal, AbortSignal.timeout(KEEP_PROBE_MS)]));
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** The same file (another one may have its path by now), with the same arguments. */
function runs({ command, args }: ProcessSpec, pid: number): boolean {
  try {
    const [running, installed] = [statSync(`/proc/${pid}/exe`), statSync(command)];
    const [, ...argv] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    return running.dev === installed.dev && running.ino === installed.ino && JSON.stringify(argv) === JSON.stringify(args);
  } catch {
    return false;
  }
}
