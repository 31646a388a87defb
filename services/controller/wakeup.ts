import { setImmediate as turn } from "node:timers/promises";

/** A bell for one sleeper: rung any number of times while it is busy, or in one turn of the event loop, it wakes once. */
export class Wakeup {
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #abort = (): void => this.#wake?.();

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when rung (also before), after `waitMs` where given, or when the signal aborts. */
  async wait(waitMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) await this.#sleep(waitMs, signal);
    // What has arrived together is told change by change: the first is not answered before the last is known.
    await turn();
    this.#rung = false;
  }

  async #sleep(waitMs: number | undefined, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = waitMs === undefined ? undefined : setTimeout(resolve, Math.max(0, waitMs));
    signal.addEventListener("abort", this.#abort, { once: true });
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    signal.removeEventListener("abort", this.#abort);
    clearTimeout(timer);
  }
}
