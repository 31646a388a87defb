import { setTimeout as delay } from "node:timers/promises";
import type { RecordedEvent } from "#contracts/event.ts";
import type { PlatformCalls } from "./platform-calls.ts";

const RETRY_MS = 50;
/** Each is a launch that was made, or was begun and refused. */
const STARTS = new Set(["dev.slipway.instance.started", "dev.slipway.instance.failed"]);

/** Calls back at every start from now on, each once, through deaths of the control process; until the signal aborts. */
export async function followStarts(calls: PlatformCalls, onStart: () => void): Promise<void> {
  let since: number | string = new Date().toISOString();
  while (!calls.signal.aborted) {
    const request = { path: ["events"], query: { since, follow: true }, signal: calls.signal };
    try {
      const events: AsyncIterable<RecordedEvent> = calls.api.lines(request);
      for await (const { cursor, event } of events) {
        since = cursor;
        if (STARTS.has(event.type)) onStart();
      }
    } catch {
      // The control process is away: the feed goes on after what was seen.
    }
    await delay(RETRY_MS, undefined, { signal: calls.signal }).catch(() => {});
  }
}
