import { type Static, Type } from "typebox";
import { LogRecord } from "#contracts/api.ts";

export type LogStream = "stdout" | "stderr";

/** A line of output as it is read: whose it is, the folder tells. */
export const StoredLogRecord = Type.Omit(LogRecord, ["project", "service", "instance"]);
export type StoredLogRecord = Static<typeof StoredLogRecord>;

/** How much of each stream the log holds: the byte after the last one written, counted from the instance's first. */
export type LogPosition = Readonly<Record<LogStream, number>>;

export const START_OF_LOG: LogPosition = { stdout: 0, stderr: 0 };

/** `at`: the position after this record, from which the next agent goes on. */
export function encodeRecord(time: string, stream: LogStream, { text, partial }: RecordLine, at: LogPosition): string {
  const position = `[${at.stdout},${at.stderr}]`;
  return `{"time":"${time}","stream":"${stream}","line":${JSON.stringify(text)},"partial":${partial},"at":${position}}\n`;
}

interface RecordLine {
  text: string;
  partial: boolean;
}

/** We wrote it: a line that does not parse was torn by a full disk or by hand, and is left out. */
export function decodeRecord(text: string): StoredLogRecord | undefined {
  try {
    return JSON.parse(text) as StoredLogRecord;
  } catch {
    return undefined;
  }
}

/** Of a record of a version that wrote none, the start. */
export function decodePosition(text: string): LogPosition {
  return positionOf(JSON.parse(text) as StoredLogRecord);
}

export function positionOf({ at }: StoredLogRecord): LogPosition {
  return at === undefined ? START_OF_LOG : { stdout: at[0], stderr: at[1] };
}

/** Positions of one log follow one another: the later has at least as much of both streams. */
export function isUpTo(position: LogPosition, limit: LogPosition): boolean {
  return position.stdout <= limit.stdout && position.stderr <= limit.stderr;
}
