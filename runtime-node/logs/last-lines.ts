import { readSync } from "node:fs";
import type { LogSegment } from "./log-segments.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where to begin so that `count` whole lines follow: found from the end, so that a long log costs no more than a short one. */
export function findLastLines(segments: readonly LogSegment[], count: number): { index: number; offset: number } {
  let wanted = count;
  for (let index = segments.length - 1; index >= 0; index--) {
    const found = searchBackwards(segments[index] as LogSegment, wanted);
    if (found.offset !== undefined) return { index, offset: found.offset };
    wanted -= found.lines;
  }
  return { index: 0, offset: 0 };
}

/** The offset after the newline before the wanted lines; undefined when the file has fewer. */
function searchBackwards(segment: LogSegment, wanted: number): { offset: number | undefined; lines: number } {
  const block = Buffer.alloc(BLOCK_BYTES);
  // A line ends with its newline, so the one that ends the last line does not begin one.
  let newlines = 0;
  for (let end = segment.size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const length = readSync(segment.fd, block, 0, end - start, start);
    for (
      let at = block.lastIndexOf(NEWLINE, length - 1);
      at !== -1;
      at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1)
    ) {
      if (newlines === wanted) return { offset: start + at + 1, lines: newlines };
      newlines++;
    }
    end = start;
  }
  return { offset: newlines === wanted ? 0 : undefined, lines: newlines };
}
