/** Aborts when nothing moves for a while: a connection that is open but silent. `progress()` starts the time anew. */
export class StallGuard implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number, outer: AbortSignal) {
    const controller = new AbortController();
    this.signal = AbortSignal.any([outer, controller.signal]);
    this.#timer = setTimeout(() => {
      controller.abort(new Error(`nothing arrived for ${timeoutMs} milliseconds`));
    }, timeoutMs);
  }

  progress(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
