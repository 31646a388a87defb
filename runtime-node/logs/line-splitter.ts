/** docker's limit too: a longer line comes in parts. */
export const LINE_MAX_BYTES = 16 * 1024;
const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

export interface SplitLine {
  text: string;
  /** The line goes on in the next part. */
  partial: boolean;
  /** The stream's offset after it, and after its newline. */
  end: number;
}

/** Cuts a stream of bytes into lines, without their newlines. */
export class LineSplitter {
  #pending: Buffer = EMPTY;
  /** Of the first pending byte. */
  #offset: number;

  /** `offset`: of the first byte that will come. */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  push(chunk: Buffer): SplitLine[] {
    const lines: SplitLine[] = [];
    let rest = this.#pending.byteLength === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      const last = this.#cutParts(rest.subarray(0, end), lines);
      this.#offset += last.byteLength + 1;
      lines.push({ text: last.toString("utf8"), partial: false, end: this.#offset });
      rest = rest.subarray(end + 1);
    }
    // A copy: the rest would keep the whole chunk in memory.
    this.#pending = Buffer.from(this.#cutParts(rest, lines));
    return lines;
  }

  /** What is left of a line that has no newline, when no more of it will come. */
  flush(): SplitLine[] {
    const rest = this.#pending;
    this.#pending = EMPTY;
    this.#offset += rest.byteLength;
    return rest.byteLength === 0 ? [] : [{ text: rest.toString("utf8"), partial: false, end: this.#offset }];
  }

  /** Moves full parts of a line into `lines` and returns what is left of it. */
  #cutParts(line: Buffer, lines: SplitLine[]): Buffer {
    let rest = line;
    while (rest.byteLength > LINE_MAX_BYTES) {
      const end = characterBoundary(rest, LINE_MAX_BYTES);
      this.#offset += end;
      lines.push({ text: rest.toString("utf8", 0, end), partial: true, end: this.#offset });
      rest = rest.subarray(end);
    }
    return rest;
  }
}

/** The last place up to `end` where no UTF-8 character is cut; `end` itself where the bytes are not UTF-8. */
function characterBoundary(bytes: Buffer, end: number): number {
  for (let boundary = end; boundary > end - 4; boundary--) {
    if (((bytes[boundary] as number) & 0xc0) !== 0x80) return boundary;
  }
  return end;
}
