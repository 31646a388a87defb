/** A bell for one sleeper: rung any number of times while it is busy, it wakes once. */
export class Wakeup {
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #abort = (): void => this.#wake?.();

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when rung (also before), at `wakeAt` (milliseconds since the epoch), or when the signal aborts. */
  async wait(wakeAt: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) await this.#sleep(wakeAt, signal);
    this.#rung = false;
  }

  async #sleep(wakeAt: number | undefined, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = wakeAt === undefined ? undefined : setTimeout(resolve, Math.max(0, wakeAt - Date.now()));
    signal.addEventListener("abort", this.#abort, { once: true });
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    signal.removeEventListener("abort", this.#abort);
    clearTimeout(timer);
  }
}
