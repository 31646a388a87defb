import { mkdir } from "node:fs/promises";
import { readPosition } from "./log-position.ts";
import { isUpTo, type LogPosition, positionOf, type StoredLogRecord } from "./log-record.ts";
import { OpenLog } from "./open-log.ts";

export interface ReadLogsOptions {
  /** The last n records; all when absent. Parts of an over-long line count each. */
  tail?: number;
  /** Goes on with what is written later, across rotations and restarts of the container, until `until` or `signal`. */
  follow?: boolean;
  /** Nothing from before. */
  since?: Date;
  /** Only what comes after, in place of `tail`. A position of another log (the instance was made anew) means nothing. */
  after?: LogPosition;
  /** Aborted: nothing more will be written; `follow` ends when it has read everything. */
  until?: AbortSignal;
  /** Aborted: ends at once, without an error. */
  signal: AbortSignal;
}

/** Reads the log in a folder, oldest record first. */
export async function* readLogs(directory: string, options: ReadLogsOptions): AsyncIterable<StoredLogRecord> {
  const { tail, follow = false, since, signal, until } = options;
  const after = positionIn(directory, options.after);
  if (follow) await mkdir(directory, { recursive: true, mode: 0o700 });
  // Subscribed before the files are opened, in the same turn: no change comes between.
  using log = new OpenLog(directory, follow);
  if (after === undefined) log.start(tail);
  else log.startAfter(after);
  while (!signal.aborted) {
    const isLast = !follow || until?.aborted === true;
    // The news of a rotation in another process may be slower than the news of its end.
    if (isLast && follow) log.refresh();
    for await (const record of log.readAvailable(signal)) {
      const isWanted = after === undefined ? isSince(record, since) : !isUpTo(positionOf(record), after);
      if (isWanted) yield record;
      if (signal.aborted) return;
    }
    if (isLast) return;
    await log.changed(signal, until);
  }
}

const isSince = ({ time }: StoredLogRecord, since: Date | undefined): boolean =>
  since === undefined || Date.parse(time) >= since.getTime();

function positionIn(directory: string, after: LogPosition | undefined): LogPosition | undefined {
  return after !== undefined && isUpTo(after, readPosition(directory)) ? after : undefined;
}
