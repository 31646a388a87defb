import { type Static, Type } from "typebox";
import { LogRecord } from "#contracts/api.ts";

export type LogStream = "stdout" | "stderr";

/** A line of output as it is stored: whose it is, the folder tells. */
export const StoredLogRecord = Type.Omit(LogRecord, ["project", "service", "instance"]);
export type StoredLogRecord = Static<typeof StoredLogRecord>;

export function encodeRecord(time: string, stream: LogStream, line: string, partial: boolean): string {
  return `{"time":"${time}","stream":"${stream}","line":${JSON.stringify(line)},"partial":${partial}}\n`;
}

/** We wrote it: a line that does not parse was torn by a full disk or by hand, and is left out. */
export function decodeRecord(line: string): StoredLogRecord | undefined {
  try {
    return JSON.parse(line) as StoredLogRecord;
  } catch {
    return undefined;
  }
}
