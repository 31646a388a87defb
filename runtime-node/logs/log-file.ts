import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  write,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CURRENT_FILE, rotatedName, rotatedSequences } from "./log-segments.ts";

const writeAsync = promisify(write);
const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export interface LogFileOptions {
  directory: string;
  /** A file is rotated before it gets larger; a single line may be. */
  maxFileBytes: number;
  /** With the current one; the oldest goes. */
  maxFiles: number;
}

/** The files that a log is written to: appends whole lines to the current one, and rotates. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  readonly #path: string;
  readonly #onRotate: () => void;
  #fd: number;
  #size: number;

  /** Goes on where another process stopped: a line that it left half written is cut off. */
  constructor(options: LogFileOptions, onRotate: () => void) {
    this.#options = options;
    this.#path = join(options.directory, CURRENT_FILE);
    this.#onRotate = onRotate;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    this.#fd = openSync(this.#path, "a+", 0o600);
    this.#size = repair(this.#fd);
  }

  /** Writes lines in this turn; false, and nothing was written, where that needs a rotation or fails. */
  appendNow(lines: readonly string[]): boolean {
    const data = Buffer.from(lines.join(""));
    if (this.#size + data.byteLength > this.#options.maxFileBytes) return false;
    try {
      for (let offset = 0; offset < data.byteLength;) offset += writeSync(this.#fd, data, offset);
      this.#size += data.byteLength;
      return true;
    } catch {
      ftruncateSync(this.#fd, this.#size);
      return false;
    }
  }

  /** Writes lines (each with its newline) in as few calls as rotation allows. Not to be called again before it resolves. */
  async append(lines: readonly string[]): Promise<void> {
    let batch: string[] = [];
    let batchBytes = 0;
    for (const line of lines) {
      const bytes = Buffer.byteLength(line);
      if (this.#size + batchBytes + bytes > this.#options.maxFileBytes) {
        await this.#write(batch);
        batch = [];
        batchBytes = 0;
        if (this.#size > 0) this.#rotate();
      }
      batch.push(line);
      batchBytes += bytes;
    }
    await this.#write(batch);
  }

  [Symbol.dispose](): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd !== -1) closeSync(fd);
  }

  async #write(lines: readonly string[]): Promise<void> {
    const data = Buffer.from(lines.join(""));
    try {
      for (let offset = 0; offset < data.byteLength;) {
        const { bytesWritten } = await writeAsync(this.#fd, data, offset, data.byteLength - offset, null);
        offset += bytesWritten;
      }
      this.#size += data.byteLength;
    } catch (error) {
      // A full disk takes a part: readers are to find whole lines only.
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
  }

  /** In one turn, so that a reader in this process finds the files in order. */
  #rotate(): void {
    const { directory, maxFiles } = this.#options;
    const sequences = rotatedSequences(directory);
    const next = (sequences.at(-1) ?? 0) + 1;
    renameSync(this.#path, join(directory, rotatedName(next)));
    const fd = openSync(this.#path, "a+", 0o600);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#size = 0;
    this.#onRotate();
    const surplus = [...sequences, next].slice(0, -Math.max(0, maxFiles - 1) || undefined);
    for (const sequence of surplus) rmSync(join(directory, rotatedName(sequence)), { force: true });
  }
}

/** Cuts off what stands after the last newline; the size that is left. */
function repair(fd: number): number {
  const { size } = fstatSync(fd);
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const length = readSync(fd, block, 0, end - start, start);
    const newline = block.subarray(0, length).lastIndexOf(NEWLINE);
    if (newline !== -1) return truncated(fd, size, start + newline + 1);
    end = start;
  }
  return truncated(fd, size, 0);
}

function truncated(fd: number, size: number, whole: number): number {
  if (whole < size) ftruncateSync(fd, whole);
  return whole;
}
