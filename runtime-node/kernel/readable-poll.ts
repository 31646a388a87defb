import koffi from "koffi";

/**
 * Calls back in every turn of the event loop in which an fd can be read or has ended (poll(2); level-triggered), for fds whose
 * reading Node does not offer. Dispose it before the fd is closed.
 */
export class ReadablePoll implements Disposable {
  readonly #handle: ReturnType<typeof koffi.node.poll>;
  readonly #onReadable: () => void;
  #state: "polling" | "paused" | "closed" = "polling";

  constructor(fd: number, onReadable: () => void) {
    this.#onReadable = onReadable;
    this.#handle = koffi.node.poll(fd, { readable: true }, onReadable);
  }

  pause(): void {
    if (this.#state !== "polling") return;
    this.#state = "paused";
    this.#handle.stop();
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "polling";
    this.#handle.start({ readable: true }, this.#onReadable);
  }

  [Symbol.dispose](): void {
    if (this.#state === "closed") return;
    this.pause();
    this.#state = "closed";
    this.#handle.close();
  }
}
