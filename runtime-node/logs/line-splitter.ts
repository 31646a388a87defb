/** docker's limit too: a longer line comes in parts. */
export const LINE_MAX_BYTES = 16 * 1024;
const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

export interface SplitLine {
  text: string;
  /** The line goes on in the next part. */
  partial: boolean;
}

/** Cuts a stream of bytes into lines, without their newlines. */
export class LineSplitter {
  #pending: Buffer = EMPTY;

  push(chunk: Buffer): SplitLine[] {
    const lines: SplitLine[] = [];
    let rest = this.#pending.byteLength === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      const last = cutParts(rest.subarray(0, end), lines);
      lines.push({ text: last.toString("utf8"), partial: false });
      rest = rest.subarray(end + 1);
    }
    // A copy: the rest would keep the whole chunk in memory.
    this.#pending = Buffer.from(cutParts(rest, lines));
    return lines;
  }

  /** What is left of a line that has no newline; `partial` when more of it may come later, to another splitter. */
  flush(partial: boolean): SplitLine[] {
    const rest = this.#pending;
    this.#pending = EMPTY;
    return rest.byteLength === 0 ? [] : [{ text: rest.toString("utf8"), partial }];
  }
}

/** Moves full parts of a line into `lines` and returns what is left of it. */
function cutParts(line: Buffer, lines: SplitLine[]): Buffer {
  let rest = line;
  while (rest.byteLength > LINE_MAX_BYTES) {
    const end = characterBoundary(rest, LINE_MAX_BYTES);
    lines.push({ text: rest.toString("utf8", 0, end), partial: true });
    rest = rest.subarray(end);
  }
  return rest;
}

/** The last place up to `end` where no UTF-8 character is cut; `end` itself where the bytes are not UTF-8. */
function characterBoundary(bytes: Buffer, end: number): number {
  for (let boundary = end; boundary > end - 4; boundary--) {
    if (((bytes[boundary] as number) & 0xc0) !== 0x80) return boundary;
  }
  return end;
}
