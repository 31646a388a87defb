import { closeSync } from "node:fs";
import { ERRNO } from "#kernel/errno.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { ReadablePoll } from "#kernel/readable-poll.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { Spool } from "./spool.ts";

/** Read in one turn of the event loop: a flood leaves it to others in between. */
const TURN_BYTES = 64 * 1024;

export interface StreamInputOptions {
  kernel: Kernel;
  /** Of a FIFO, non-blocking; closed by this object. */
  fifo: number;
  spool: Spool;
  onChunk: (chunk: Buffer) => void;
}

/** One FIFO that is read by way of its spool: its chunks, its end, and who holds it back. */
export class StreamInput {
  readonly lines: LineSplitter;
  /** Resolves when it reads no more: at the end of the stream, or when it was closed. */
  readonly closed: Promise<void>;
  readonly #options: StreamInputOptions;
  readonly #poll: ReadablePoll;
  readonly #onClosed: () => void;
  #holds = 0;
  #state: "open" | "at end" | "closed" = "open";

  constructor(options: StreamInputOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#onClosed = resolve;
    this.#options = options;
    this.lines = new LineSplitter(options.spool.position);
    this.#poll = new ReadablePoll(options.fifo, () => this.#turn());
  }

  /** Every writer left, and everything was read. */
  get isAtEnd(): boolean {
    return this.#state === "at end";
  }

  get isClosed(): boolean {
    return this.#state !== "open";
  }

  get spool(): Spool {
    return this.#options.spool;
  }

  /** Takes what a former reader had in the spool and not in the log. */
  replay(): void {
    const { spool, onChunk } = this.#options;
    while (spool.unreadBytes > 0) onChunk(spool.read(TURN_BYTES));
  }

  /** Reads nothing more until the promise settles; several holds add up. */
  holdUntil(until: Promise<unknown>): void {
    this.#holds++;
    this.#poll.pause();
    const release = (): void => {
      this.#holds--;
      if (this.#holds === 0) this.#poll.resume();
    };
    until.then(release, release);
  }

  /** What is in FIFO or spool stays there for the next reader. */
  close(): void {
    this.#end("closed");
  }

  #turn(): void {
    const { spool, fifo, onChunk } = this.#options;
    const moved = spool.fill(fifo, TURN_BYTES);
    if (moved === -ERRNO.EAGAIN) return;
    if (moved === 0) return this.#end("at end");
    if (moved > 0) return onChunk(spool.read(TURN_BYTES));
    const chunk = this.#readPast();
    if (chunk !== undefined) onChunk(chunk);
  }

  /** The spool takes nothing (its disk is full): the container must not stop for that, so what a kill loses now is lost. */
  #readPast(): Buffer | undefined {
    const { kernel, spool, fifo } = this.#options;
    const chunk = Buffer.alloc(TURN_BYTES);
    const length = kernel.attempt("read", fifo, chunk, TURN_BYTES);
    if (length <= 0) return undefined;
    spool.skip(length);
    return chunk.subarray(0, length);
  }

  #end(state: "at end" | "closed"): void {
    if (this.isClosed) return;
    this.#state = state;
    this.#poll[Symbol.dispose]();
    this.#onClosed();
  }

  /** After `closed`, when nobody copies the fd any more. */
  [Symbol.dispose](): void {
    this.close();
    closeSync(this.#options.fifo);
    this.spool[Symbol.dispose]();
  }
}
