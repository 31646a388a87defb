import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessRecords } from "./process-records.ts";
import type { ProcessSpec } from "./process-spec.ts";
import { endProcess, type RunningProcess, type SpawnedProcess, spawnProcess } from "./running-process.ts";

const FIRST_BACKOFF_MS = 100;
/** With what a start takes still less than the 5 seconds that a resolver waits for the agent's DNS servers (resolv.conf(5)). */
const LONGEST_BACKOFF_MS = 2_000;
/** A process that ran this long is taken to be well: the next failure starts with the first backoff again. */
const WELL_AFTER_MS = 10_000;
const KILL_AFTER_MS = 15_000;
/** A gateway gives requests that are under way 20 s. */
const KILL_OVERLAPPED_AFTER_MS = 30_000;

/** starting: spawned, not ready. ready: it serves. waiting: it ended and waits for its backoff. stopped: for good. */
export type ProcessState = "starting" | "ready" | "waiting" | "stopped";

/** One of the platform's own processes, started again whenever it ends, until disposed. */
export class PlatformProcess implements AsyncDisposable {
  readonly spec: ProcessSpec;
  readonly #records: ProcessRecords;
  readonly #closing = new AbortController();
  readonly #onState: (name: string, state: ProcessState, detail: string) => void;
  /** Former ones on their way out. */
  readonly #ending = new Set<Promise<void>>();
  #current: RunningProcess | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(
    spec: ProcessSpec,
    records: ProcessRecords,
    onState: (name: string, state: ProcessState, detail: string) => void,
  ) {
    this.spec = spec;
    this.#records = records;
    this.#onState = onState;
  }

  /** Starts it; resolves when it is ready, throws when its first start does not get there. */
  async start(signal: AbortSignal): Promise<void> {
    this.#keep(await this.#startOne(signal));
  }

  /** Goes on with a process that runs already. */
  adopt(process: RunningProcess): void {
    this.#keep(process);
  }

  /**
   * Replaces the process that runs by a new one; resolves when that is ready. One whose successor may overlap it serves until then, and
   * when the successor does not get there, on.
   */
  async renew(signal: AbortSignal): Promise<void> {
    if (this.spec.overlaps === true) {
      const successor = await this.#startOne(signal);
      // Not the one of before: that may have died meanwhile, and been started again.
      const former = this.#current;
      this.#keep(successor);
      if (former !== undefined) this.retire(former);
      return;
    }
    const former = this.#current;
    this.#current = undefined;
    if (former !== undefined) await endProcess(former, KILL_AFTER_MS);
    try {
      await this.start(signal);
    } catch (error) {
      this.#tryAgain();
      throw error;
    }
  }

  /** Ends another process of this name, beside the one that runs. */
  retire(process: RunningProcess): void {
    const killAfterMs = this.spec.overlaps === true ? KILL_OVERLAPPED_AFTER_MS : KILL_AFTER_MS;
    const ending = endProcess(process, killAfterMs).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const current = this.#current;
    if (current !== undefined) await endProcess(current, KILL_AFTER_MS);
    await Promise.all([this.#keeping, ...this.#ending]);
    this.#onState(this.spec.name, "stopped", "");
  }

  async #startOne(signal: AbortSignal): Promise<RunningProcess> {
    const process = this.#spawn();
    try {
      await this.#untilReady(process, signal);
      return process;
    } catch (error) {
      process.signal("SIGKILL");
      await process.ended;
      throw error;
    }
  }

  #spawn(): SpawnedProcess {
    const process = spawnProcess(this.spec);
    this.#records.record(this.spec, process.pid);
    this.#onState(this.spec.name, "starting", `pid ${process.pid}`);
    return process;
  }

  async #untilReady(process: SpawnedProcess, signal: AbortSignal): Promise<void> {
    const { name, logFile, ready, readyTimeoutMs } = this.spec;
    const settled = new AbortController();
    const limit = AbortSignal.any([signal, settled.signal, AbortSignal.timeout(readyTimeoutMs)]);
    const died = process.ended.then((how) => {
      throw new Error(`${name} ended with ${how} while it started; its last words are in ${logFile}`);
    });
    const isReady = ready.by === "pipe" ? once(process.readiness, "data", { signal: limit }) : ready.probe(limit);
    try {
      await Promise.race([isReady, died]);
      this.#onState(name, "ready", `pid ${process.pid}`);
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted)
        throw new Error(`${name} was not ready within ${readyTimeoutMs} ms; see ${logFile}`, { cause: error });
      throw error;
    } finally {
      settled.abort();
      died.catch(() => {});
    }
  }

  /** From now on this one is started again when it ends, and no former one. */
  #keep(process: RunningProcess): void {
    this.#current = process;
    this.#keeping = this.#keepRunning(process, FIRST_BACKOFF_MS);
  }

  /** After a start that failed: as if the process had run and ended. */
  #tryAgain(): void {
    this.#keep({ pid: 0, ended: Promise.resolve("a failed start"), signal: () => {} });
  }

  async #keepRunning(first: RunningProcess, firstBackoffMs: number): Promise<void> {
    let process = first;
    let backoffMs = firstBackoffMs;
    let startedAt = performance.now();
    for (;;) {
      const how = await process.ended;
      if (this.#closing.signal.aborted || this.#current !== process) return;
      if (performance.now() - startedAt > WELL_AFTER_MS) backoffMs = FIRST_BACKOFF_MS;
      this.#onState(this.spec.name, "waiting", `ended with ${how}; starts again in ${backoffMs} ms`);
      await delay(backoffMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#closing.signal.aborted || this.#current !== process) return;
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
      startedAt = performance.now();
      const next = this.#spawn();
      process = next;
      this.#current = next;
      this.#untilReady(next, this.#closing.signal).catch(() => next.signal("SIGKILL"));
    }
  }
}
