import { setTimeout as sleep } from "node:timers/promises";
import type { RecordedEvent } from "#contracts/event.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { ApiClient } from "../api/client.ts";
import { ChangeBell } from "./change-bell.ts";

/** Events are a hint that something changed; this often we look without one, so that a missed event costs a second and no more. */
const RESYNC_MS = 1_000;
/** The control process may restart while we follow: it is back within seconds, and this long is waited for it. */
const AWAY_MS = 20_000;
const AWAY_RETRY_MS = 200;

export interface WatchOptions {
  api: ApiClient;
  /** An event's cursor, or a time (RFC 3339). */
  since: number | string;
  /** Only events about this wake the watch. */
  isAbout: (event: RecordedEvent["event"]) => boolean;
  signal: AbortSignal;
}

/** What `read` answers: at once, and again after each event that is about it. Ends with the consumer. */
export async function* watch<Value>(
  options: WatchOptions,
  read: (signal: AbortSignal) => Promise<Value>,
): AsyncIterable<Value> {
  const bell = new ChangeBell();
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const listening = listen(options, bell, signal);
  try {
    for (;;) {
      yield await throughRestarts(() => read(signal), signal);
      await bell.wait(RESYNC_MS, signal);
    }
  } finally {
    stop.abort();
    await listening;
  }
}

/** Rings the bell on events. A stream that breaks is opened again where it was; that the server is gone is for `read` to say. */
async function listen(options: WatchOptions, bell: ChangeBell, signal: AbortSignal): Promise<void> {
  let since = options.since;
  while (!signal.aborted) {
    try {
      const query = { since, follow: true };
      for await (const { cursor, event } of options.api.lines<RecordedEvent>({ path: ["events"], query, signal })) {
        since = cursor;
        if (options.isAbout(event)) bell.ring();
      }
    } catch {
      bell.ring();
    }
    await sleep(AWAY_RETRY_MS, undefined, { signal }).catch(() => {});
  }
}

async function throughRestarts<Value>(action: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  const deadline = performance.now() + AWAY_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!hasCode(error, "SLIPWAY_CLI_SERVER_NOT_RUNNING", "SLIPWAY_CLI_SERVER_GONE") || performance.now() > deadline)
        throw error;
      await sleep(AWAY_RETRY_MS, undefined, { signal });
    }
  }
}
