import { readSync } from "node:fs";
import { findLastLines } from "./last-lines.ts";
import { decodePosition, type LogPosition, START_OF_LOG } from "./log-record.ts";
import { openSegments } from "./log-segments.ts";

/** How far the streams are written: what the last record of a log says. Half a record at its end is not one. */
export function readPosition(directory: string): LogPosition {
  const segments = openSegments(directory);
  try {
    const { index, offset } = findLastLines(segments, 1);
    const segment = segments[index];
    if (segment === undefined || segment.size === offset) return START_OF_LOG;
    const bytes = Buffer.alloc(segment.size - offset);
    readSync(segment.fd, bytes, 0, bytes.byteLength, offset);
    return decodePosition(bytes.toString("utf8"));
  } finally {
    for (const segment of segments) segment[Symbol.dispose]();
  }
}
