import { readSync } from "node:fs";
import { findLastLines } from "./last-lines.ts";
import { decodePosition, type LogPosition, START_OF_LOG } from "./log-record.ts";
import { type LogSegment, openSegments } from "./log-segments.ts";

/** Longer than the longest record: 16 KiB of which each byte takes six in JSON. */
const RECORD_MAX_BYTES = 128 * 1024;
const NEWLINE = 0x0a;

/** How far the streams are written: what the last record of a log says. Half a record at its end is not one. */
export function readPosition(directory: string): LogPosition {
  const segments = openSegments(directory);
  try {
    const { index, offset } = findLastLines(segments, 1);
    const segment = segments[index];
    return segment === undefined ? START_OF_LOG : (positionAt(segment, offset) ?? START_OF_LOG);
  } finally {
    for (const segment of segments) segment[Symbol.dispose]();
  }
}

/** After the record that begins there; undefined when no whole one does. */
export function positionAt(segment: LogSegment, offset: number): LogPosition | undefined {
  const bytes = Buffer.alloc(RECORD_MAX_BYTES);
  const length = readSync(segment.fd, bytes, 0, RECORD_MAX_BYTES, offset);
  const end = bytes.subarray(0, length).indexOf(NEWLINE);
  if (end === -1) return undefined;
  try {
    return decodePosition(bytes.toString("utf8", 0, end));
  } catch {
    // Torn by hand: the log goes on all the same.
    return undefined;
  }
}
