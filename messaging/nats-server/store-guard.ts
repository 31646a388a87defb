import { readFileSync, statfsSync } from "node:fs";
import type { HomeLayout } from "#contracts/home.ts";
import { isRunning } from "#contracts/is-running.ts";
import type { ProcessRecord } from "#contracts/process-record.ts";

const LOOK_EVERY_MS = 1_000;
/** Less room would be full again at once. */
const ENOUGH_BYTES = 8 * 1024 * 1024;

export interface GuardOptions {
  home: Pick<HomeLayout, "nats" | "processes">;
  log: (line: string) => void;
}

/**
 * Brings back a nats-server whose disk was full: a stream that could not be written once takes no message any more until the server starts
 * anew. So it is ended as soon as there is room; the supervisor starts it again, and every client reconnects and resyncs.
 */
export class StoreGuard implements Disposable {
  readonly #options: GuardOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Somebody found that messages are not stored. */
  readonly stuck = (): void => {
    if (this.#timer !== undefined) return;
    const server = this.#server();
    if (server === undefined) return;
    this.#options.log("nats-server stores nothing: it is started anew when its disk has room");
    this.#timer = setInterval(() => this.#look(server), LOOK_EVERY_MS);
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(server: ProcessRecord): void {
    if (!isRunning(server)) return this[Symbol.dispose]();
    const { bavail, bsize } = statfsSync(this.#options.home.nats);
    if (bavail * bsize >= ENOUGH_BYTES) process.kill(server.pid, "SIGTERM");
  }

  #server(): ProcessRecord | undefined {
    try {
      const known = JSON.parse(readFileSync(this.#options.home.processes, "utf8")) as ProcessRecord[];
      return known.find(({ name }) => name === "nats-server");
    } catch {
      // One that nobody of this machine started is not ours to end.
      return undefined;
    }
  }
}
