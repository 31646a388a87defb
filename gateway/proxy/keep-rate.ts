const SECOND_MS = 1_000;

/** So many a second and no more: a bucket that fills as time goes by, and holds what one second brings. */
export class KeepRate {
  readonly #perSecond: number;
  #left: number;
  #filledAtMs: number | undefined;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** @param nowMs monotonic */
  keeps(nowMs: number): boolean {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return true;
    const passedMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#filledAtMs = nowMs;
    this.#left = Math.min(this.#perSecond, this.#left + (passedMs * this.#perSecond) / SECOND_MS);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
