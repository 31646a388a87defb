import { setTimeout as delay } from "node:timers/promises";
import type { Platform } from "#messaging/platform.ts";
import type { Log } from "./log.ts";
import type { ClusterState } from "./cluster-state.ts";

/** How often everything is read again. */
export const RESYNC_INTERVAL_MS = 30_000;

/** Keeps the state true although a watch may miss something: reads all of it every 30 s and after every reconnect. */
export class Resync implements AsyncDisposable {
  readonly #state: ClusterState;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #tasks: Promise<unknown>;

  constructor(state: ClusterState, platform: Platform, log: Log) {
    this.#state = state;
    this.#log = log;
    const { signal } = this.#closing;
    this.#tasks = Promise.allSettled([this.#everyInterval(signal), this.#afterReconnects(platform, signal)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#tasks;
  }

  async #everyInterval(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(RESYNC_INTERVAL_MS, undefined, { signal });
      await this.#readAgain();
    }
  }

  async #afterReconnects(platform: Platform, signal: AbortSignal): Promise<void> {
    for await (const { type } of platform.status(signal)) if (type === "reconnected") await this.#readAgain();
  }

  async #readAgain(): Promise<void> {
    await this.#state.resync().catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#log("reading the platform's state again failed", error);
    });
  }
}
