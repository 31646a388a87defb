import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { ProcessPids } from "./process-pids.ts";
import { setTimeout as delay } from "node:timers/promises";

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
/** A process that ran this long is taken to be well: the next failure starts with the first backoff again. */
const WELL_AFTER_MS = 10_000;
const KILL_AFTER_MS = 15_000;
/** Where a process finds its readiness pipe, and the first inherited listener. */
export const READY_FD = 3;

export interface ProcessSpec {
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Its output is appended here. */
  logFile: string;
  /** Handed down as fds 4, 5, …: listening sockets that outlive the process. */
  inheritedFds?: number[];
  /** How readiness is known: the process writes a line to fd 3, or a probe of ours resolves. */
  ready: { by: "pipe" } | { by: "probe"; probe: (signal: AbortSignal) => Promise<void> };
  readyTimeoutMs: number;
}

/** starting: spawned, not ready. ready: it serves. waiting: it ended and waits for its backoff. stopped: for good. */
export type ProcessState = "starting" | "ready" | "waiting" | "stopped";

/** One of the platform's own processes, started again whenever it ends, until disposed. */
export class PlatformProcess implements AsyncDisposable {
  readonly spec: ProcessSpec;
  readonly #pids: ProcessPids;
  readonly #closing = new AbortController();
  readonly #onState: (name: string, state: ProcessState, detail: string) => void;
  #child: ChildProcess | undefined;
  #running: Promise<void> | undefined;

  constructor(spec: ProcessSpec, pids: ProcessPids, onState: (name: string, state: ProcessState, detail: string) => void) {
    this.spec = spec;
    this.#pids = pids;
    this.#onState = onState;
  }

  /** Starts it; resolves when it is ready, throws when its first start does not get there. */
  async start(signal: AbortSignal): Promise<void> {
    const child = this.#spawn();
    const exited = once(child, "exit");
    try {
      await this.#untilReady(child, exited, signal);
    } catch (error) {
      child.kill("SIGKILL");
      await exited;
      throw error;
    }
    this.#running = this.#keepRunning(exited);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
      await once(child, "exit");
      clearTimeout(timer);
    }
    await this.#running;
    this.#onState(this.spec.name, "stopped", "");
  }

  #spawn(): ChildProcess {
    const { command, args, env, logFile, inheritedFds = [] } = this.spec;
    const log = openSync(logFile, "a", 0o600);
    try {
      // A session of its own: Ctrl-C on our terminal is for us, and we end the others in order.
      const child = spawn(command, args, { env, detached: true, stdio: ["ignore", log, log, "pipe", ...inheritedFds] });
      // A command that cannot be spawned emits only "error"; it is treated as an exit.
      child.on("error", (error) => child.emit("exit", null, error.message));
      this.#child = child;
      if (child.pid !== undefined) this.#pids.record(this.spec.name, child.pid);
      this.#onState(this.spec.name, "starting", `pid ${child.pid}`);
      return child;
    } finally {
      closeSync(log);
    }
  }

  async #untilReady(child: ChildProcess, exited: Promise<unknown[]>, signal: AbortSignal): Promise<void> {
    const { name, logFile, ready, readyTimeoutMs } = this.spec;
    const settled = new AbortController();
    const limit = AbortSignal.any([signal, settled.signal, AbortSignal.timeout(readyTimeoutMs)]);
    const died = exited.then(() => {
      throw new Error(`${name} ended while it started; its last words are in ${logFile}`);
    });
    const pipe = child.stdio[READY_FD] as NodeJS.ReadableStream;
    const isReady = ready.by === "pipe" ? once(pipe, "data", { signal: limit }) : ready.probe(limit);
    try {
      await Promise.race([isReady, died]);
      this.#onState(name, "ready", `pid ${child.pid}`);
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

  async #keepRunning(firstExit: Promise<unknown[]>): Promise<void> {
    let exited = firstExit;
    let backoffMs = FIRST_BACKOFF_MS;
    let startedAt = Date.now();
    for (;;) {
      const [code, how] = (await exited) as [number | null, string | null];
      if (this.#closing.signal.aborted) return;
      if (Date.now() - startedAt > WELL_AFTER_MS) backoffMs = FIRST_BACKOFF_MS;
      this.#onState(this.spec.name, "waiting", `ended with ${how ?? code}; starts again in ${backoffMs} ms`);
      await delay(backoffMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#closing.signal.aborted) return;
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
      startedAt = Date.now();
      const child = this.#spawn();
      exited = once(child, "exit");
      this.#untilReady(child, exited, this.#closing.signal).catch(() => child.kill("SIGKILL"));
    }
  }
}
