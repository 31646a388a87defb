import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";
import { CONSTANTS } from "#kernel/constants.ts";
import { ERRNO } from "#kernel/errno.ts";
import type { Kernel } from "#kernel/kernel.ts";

/** splice(2), fallocate(2), lseek(2) */
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const SEEK_DATA = 3;
const PAGE_BYTES = 4096;
/** So much consumed output is given back to the file system at a time. */
const PUNCH_BYTES = 256 * 1024;

/**
 * Where a stream's output is between its FIFO and the log. The kernel moves it there (splice(2): after a kill -9 each byte is in the one or
 * in the other), and what is in the log is punched out again. An offset in the file is the stream's own, counted from its
 * instance's first byte, and never used twice: the file is sparse, and as large as what it holds.
 */
export class Spool implements Disposable {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #offset = Buffer.alloc(8);
  #size: number;
  #next: number;
  #punched: number;

  /** `start`: where the last record in the log ends. What stands after it is yet to be read. */
  constructor(kernel: Kernel, path: string, start: number) {
    this.#kernel = kernel;
    this.#fd = openSync(path, CONSTANTS.O_RDWR | CONSTANTS.O_CREAT, 0o600);
    const { size } = fstatSync(this.#fd);
    if (size < start) ftruncateSync(this.#fd, start);
    this.#size = Math.max(size, start);
    this.#next = this.#firstData(start);
    this.#punched = Math.floor(this.#next / PAGE_BYTES) * PAGE_BYTES;
  }

  /** The offset of the next byte to be read. */
  get position(): number {
    return this.#next;
  }

  get unreadBytes(): number {
    return this.#size - this.#next;
  }

  /** Moves up to so many bytes from a FIFO: how many they were, 0 at its end, or the negated errno. */
  fill(fifo: number, maxBytes: number): number {
    this.#offset.writeBigInt64LE(BigInt(this.#size));
    const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
    const moved = this.#kernel.attempt("splice", fifo, null, this.#fd, this.#offset, maxBytes, flags);
    if (moved > 0) this.#size += moved;
    return moved;
  }

  /** The next bytes, as many as there are up to the limit. */
  read(maxBytes: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(maxBytes, this.unreadBytes));
    const length = readSync(this.#fd, bytes, 0, bytes.byteLength, this.#next);
    this.#next += length;
    return bytes.subarray(0, length);
  }

  /** Counts bytes that came another way, since the file took none. Everything must have been read. */
  skip(bytes: number): void {
    this.#size += bytes;
    this.#next = this.#size;
  }

  /** What stands before is in the log, and not needed here any more. */
  release(end: number): void {
    const whole = Math.floor(end / PAGE_BYTES) * PAGE_BYTES;
    if (whole - this.#punched < PUNCH_BYTES && end < this.#size) return;
    if (whole <= this.#punched) return;
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    this.#kernel.attempt("fallocate", this.#fd, mode, this.#punched, whole - this.#punched);
    this.#punched = whole;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Lines that a full disk kept from the log were released all the same: they are a hole now. */
  #firstData(start: number): number {
    const data = this.#kernel.attempt("lseek", this.#fd, start, SEEK_DATA);
    if (data === -ERRNO.ENXIO) return this.#size;
    return Math.max(start, data);
  }
}
