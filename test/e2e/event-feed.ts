import type { PlatformEvent, RecordedEvent } from "#contracts/event.ts";
import type { RunningCommand } from "./command.ts";
import type { TestPlatform } from "./platform.ts";

const TIMEOUT_MS = 60_000;

/** `slipway events -f` from a moment on: what tests wait for. */
export class EventFeed implements AsyncDisposable {
  readonly #command: RunningCommand;

  /** @param since a cursor, or a time; now when absent */
  constructor(platform: TestPlatform, since: number | Date = new Date()) {
    const from = typeof since === "number" ? String(since) : since.toISOString();
    this.#command = platform.spawn(["events", "-f", "-o", "json", "--since", from], { timeoutMs: TIMEOUT_MS });
  }

  get seen(): RecordedEvent[] {
    const lines = this.#command.stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as RecordedEvent);
  }

  /** The first event of a type (without `dev.slipway.`) whose subject ends so; waits for it. */
  async next(type: string, subject = ""): Promise<PlatformEvent> {
    const escaped = subject.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    const line = await this.#command.line(new RegExp(`"type":"dev\\.slipway\\.${type}","subject":"[^"]*${escaped}"`));
    return (JSON.parse(line) as RecordedEvent).event;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
  }
}
