import { orAborted } from "./or-aborted.ts";

/** What has arrived and was not taken yet, for one taker. */
export class MessageQueue<Item> {
  readonly #items: Item[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;

  push(item: Item): void {
    this.#items.push(item);
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** The oldest item, waiting for one; rejects with the reason of the first signal that aborts while it waits. */
  async take(...signals: (AbortSignal | undefined)[]): Promise<Item> {
    for (const signal of signals) signal?.throwIfAborted();
    while (this.#items.length === 0) {
      this.#waiting ??= Promise.withResolvers<void>();
      await orAborted(this.#waiting.promise, ...signals);
    }
    return this.#items.shift() as Item;
  }

  get size(): number {
    return this.#items.length;
  }
}
