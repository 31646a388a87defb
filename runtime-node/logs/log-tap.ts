import type { LogStream } from "./log-record.ts";

/** Gets the bytes as they come; what it returns is waited for before more of that stream are read. */
export type LogSubscriber = (stream: LogStream, chunk: Uint8Array) => void | Promise<void>;

/** Hands raw output to those who are attached. One that throws is dropped; one that leaves is not waited for any longer. */
export class LogTap {
  readonly #left = new Map<LogSubscriber, PromiseWithResolvers<void>>();

  subscribe(subscriber: LogSubscriber): Disposable {
    this.#left.set(subscriber, Promise.withResolvers());
    return { [Symbol.dispose]: () => this.#drop(subscriber) };
  }

  /** Returns what to wait for before the next chunk. */
  send(stream: LogStream, chunk: Uint8Array): Promise<void>[] {
    return [...this.#left].flatMap(([subscriber, left]) => {
      try {
        const taken = subscriber(stream, chunk);
        return taken instanceof Promise ? [Promise.race([this.#dropOnFailure(taken, subscriber), left.promise])] : [];
      } catch {
        this.#drop(subscriber);
        return [];
      }
    });
  }

  async #dropOnFailure(taken: Promise<void>, subscriber: LogSubscriber): Promise<void> {
    try {
      await taken;
    } catch {
      this.#drop(subscriber);
    }
  }

  #drop(subscriber: LogSubscriber): void {
    this.#left.get(subscriber)?.resolve();
    this.#left.delete(subscriber);
  }
}
