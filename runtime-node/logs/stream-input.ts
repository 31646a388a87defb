import { Socket } from "node:net";
import { LineSplitter } from "./line-splitter.ts";

/** One FIFO that is read: its chunks, its end, and who holds it back. */
export class StreamInput {
  readonly lines = new LineSplitter();
  /** Resolves when it reads no more: at the end of the stream, or when it was closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #holds = 0;
  #isAtEnd = false;
  #isClosed = false;

  /** `fd`: of a FIFO, non-blocking; this object closes it. */
  constructor(fd: number, onChunk: (chunk: Buffer) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on("data", onChunk);
    this.#socket.once("end", () => {
      this.#isAtEnd = true;
    });
    // close follows, and whoever waits for it sees that there was no end.
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", () => {
      this.#isClosed = true;
      resolve();
    });
  }

  /** Every writer left, and everything was read. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Reads nothing more until the promise settles; several holds add up. */
  holdUntil(until: Promise<unknown>): void {
    this.#holds++;
    this.#socket.pause();
    const release = (): void => {
      this.#holds--;
      if (this.#holds === 0) this.#socket.resume();
    };
    until.then(release, release);
  }

  /** Takes what was read from the FIFO and held back, then closes; what is still in the FIFO stays there for the next reader. */
  close(): void {
    while (this.#socket.read() !== null);
    this.#socket.destroy();
  }
}
