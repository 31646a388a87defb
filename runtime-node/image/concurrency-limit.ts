import { once } from "node:events";

/** Lets at most `limit` pieces of work run at once; the others wait in order. */
export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #waiting: EventTarget[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<Value>(work: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#limit) {
      this.#running++;
      return;
    }
    const turn = new EventTarget();
    this.#waiting.push(turn);
    try {
      await once(turn, "turn", { signal });
    } catch (error) {
      const index = this.#waiting.indexOf(turn);
      // Not there any more: the turn came as the wait was given up, and goes to the next.
      if (index === -1) this.#leave();
      else this.#waiting.splice(index, 1);
      throw error;
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next.dispatchEvent(new Event("turn"));
  }
}
