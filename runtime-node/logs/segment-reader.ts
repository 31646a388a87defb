import { read } from "node:fs";
import { promisify } from "node:util";
import type { LogSegment } from "./log-segments.ts";

const readAsync = promisify(read);
const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Reads a file's whole lines; what is only half written yet waits for the next call. */
export class SegmentReader {
  readonly #segment: LogSegment;
  #offset: number;
  #rest: Buffer = EMPTY;

  constructor(segment: LogSegment, offset: number) {
    this.#segment = segment;
    this.#offset = offset;
  }

  /** The lines from where the last call stopped to the file's present end. */
  async *lines(): AsyncIterable<string> {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (;;) {
      const { bytesRead } = await readAsync(this.#segment.fd, block, 0, BLOCK_BYTES, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      yield* this.#split(block.subarray(0, bytesRead));
    }
  }

  *#split(block: Buffer): Iterable<string> {
    const data = this.#rest.byteLength === 0 ? block : Buffer.concat([this.#rest, block]);
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, start)) {
      const line = data.toString("utf8", start, end);
      start = end + 1;
      this.#rest = EMPTY;
      yield line;
    }
    this.#rest = Buffer.from(data.subarray(start));
  }
}
