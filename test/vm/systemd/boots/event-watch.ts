import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { RecordedEvent } from "#contracts/event.ts";
import { COMPILE_CACHE, HOME, LAUNCHER, slipway } from "./machine.ts";

interface SeenEvent extends RecordedEvent {
  /** When it came here, by `performance.now`, which nobody can set. */
  at: number;
}

/** `slipway events -f` from now on, with the time at which each came by a clock that nobody sets. */
export class EventWatch implements AsyncDisposable {
  /** Where it begins. */
  readonly since: string;
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #seen: SeenEvent[] = [];
  #news = Promise.withResolvers<void>();

  private constructor(since: string) {
    this.since = since;
    const env = { ...process.env, SLIPWAY_HOME: HOME, NODE_COMPILE_CACHE: COMPILE_CACHE };
    const args = ["events", "-f", "-o", "json", "--since", since];
    this.#child = spawn(LAUNCHER, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout })
      .on("line", (line) => {
        this.#seen.push({ ...(JSON.parse(line) as RecordedEvent), at: performance.now() });
        this.#news.resolve();
      })
      .once("close", () => this.#news.reject(new Error("slipway events ended")));
    this.#news.promise.catch(() => undefined);
  }

  /** By a cursor: where a time is in the stream, a clock that was set makes unclear. */
  static async open(): Promise<EventWatch> {
    return new EventWatch(String((await readCursors()).at(-1)));
  }

  get cursors(): number[] {
    return this.#seen.map(({ cursor }) => cursor);
  }

  /** The first event of a type (without `dev.slipway.`) of a service, from a moment on; waits for it. */
  next(type: string, service: string, from = 0): Promise<SeenEvent> {
    return this.#until(() => this.#of(service).find(({ event, at }) => event.type === `dev.slipway.${type}` && at >= from));
  }

  /** Resolves when a service waits for a restart, and for at least so long; what said so. */
  waiting(service: string, leastMs: number): Promise<SeenEvent> {
    const isWait = ({ event }: SeenEvent): boolean =>
      event.type === "dev.slipway.instance.restarting" && Number(event.data["afterMs"]) >= leastMs;
    return this.#until(() => this.#of(service).slice(-1).find(isWait));
  }

  typesOf(service: string): string[] {
    return this.#of(service).map(({ event }) => event.type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async #until<Found>(look: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await this.#news.promise;
      this.#news = Promise.withResolvers();
      this.#news.promise.catch(() => undefined);
    }
  }

  #of(service: string): SeenEvent[] {
    return this.#seen.filter(({ event }) => event.subject.split("/")[1] === service);
  }
}

/** Of all events, or of those after one, as they are read back. */
export async function readCursors(...since: string[]): Promise<number[]> {
  const events = JSON.parse(await slipway("events", "-o", "json", ...since)) as RecordedEvent[];
  return events.map(({ cursor }) => cursor);
}
