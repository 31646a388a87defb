import { mkdir } from "node:fs/promises";
import type { StoredLogRecord } from "./log-record.ts";
import { OpenLog } from "./open-log.ts";

export interface ReadLogsOptions {
  /** The last n records; all when absent. Parts of an over-long line count each. */
  tail?: number;
  /** Goes on with what is written later, across rotations and restarts of the container, until `until` or `signal`. */
  follow?: boolean;
  /** Nothing from before. */
  since?: Date;
  /** Aborted: nothing more will be written; `follow` ends when it has read everything. */
  until?: AbortSignal;
  /** Aborted: ends at once, without an error. */
  signal: AbortSignal;
}

/** Reads the log in a folder, oldest record first. */
export async function* readLogs(directory: string, options: ReadLogsOptions): AsyncIterable<StoredLogRecord> {
  const { tail, follow = false, since, signal, until } = options;
  if (follow) await mkdir(directory, { recursive: true, mode: 0o700 });
  // Subscribed before the files are opened, in the same turn: no change comes between.
  using log = new OpenLog(directory, follow);
  log.start(tail);
  while (!signal.aborted) {
    const isLast = !follow || until?.aborted === true;
    // The news of a rotation in another process may be slower than the news of its end.
    if (isLast && follow) log.refresh();
    for await (const record of log.readAvailable(signal)) {
      if (since === undefined || Date.parse(record.time) >= since.getTime()) yield record;
      if (signal.aborted) return;
    }
    if (isLast) return;
    await log.changed(signal, until);
  }
}
