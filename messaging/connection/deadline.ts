/** A time limit that is given back: unlike AbortSignal.timeout its timer ends with the wait it bounds. */
export class Deadline implements Disposable {
  readonly ms: number;
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    const controller = new AbortController();
    this.ms = ms;
    this.signal = controller.signal;
    this.#timer = setTimeout(() => controller.abort(new Error(`${ms} milliseconds are over`)), ms);
  }

  get passed(): boolean {
    return this.signal.aborted;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
