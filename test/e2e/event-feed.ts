import { once } from "node:events";
import type { PlatformEvent, RecordedEvent } from "#contracts/event.ts";
import type { RunningCommand } from "./command.ts";
import type { TestPlatform } from "./platform.ts";

const TIMEOUT_MS = 60_000;

/** `slipway events -f` from a moment on: what tests wait for. */
export class EventFeed implements AsyncDisposable {
  readonly #command: RunningCommand;

  /** @param since a cursor, or a time; now when absent */
  constructor(platform: TestPlatform, since: number | Date = new Date(), timeoutMs = TIMEOUT_MS) {
    const from = typeof since === "number" ? String(since) : since.toISOString();
    this.#command = platform.spawn(["events", "-f", "-o", "json", "--since", from], { timeoutMs });
  }

  get seen(): RecordedEvent[] {
    const lines = this.#command.stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as RecordedEvent);
  }

  /** The first event of a type (without `dev.slipway.`) about a subject that ends so; waits for it. */
  async next(type: string, subject = ""): Promise<PlatformEvent> {
    const ended = this.#command.result.then(({ stderr }) => {
      const seen = this.seen.map(({ event }) => `${event.type} ${event.subject}`);
      throw new Error(`the events ended before ${type} of ${subject}: ${stderr}\n${seen.join("\n")}`);
    });
    ended.catch(() => {});
    for (;;) {
      const found = this.seen.find(({ event }) => event.type === `dev.slipway.${type}` && event.subject.endsWith(subject));
      if (found !== undefined) return found.event;
      await Promise.race([once(this.#command.child.stdout, "data"), ended]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
  }
}
