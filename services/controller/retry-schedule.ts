const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** When what failed may be tried again: later with each failure in a row, 100 ms to 5 s. */
export class RetrySchedule {
  readonly #failures = new Map<string, { count: number; notBefore: number }>();

  failed(id: string, now: number): void {
    const count = (this.#failures.get(id)?.count ?? 0) + 1;
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (count - 1));
    this.#failures.set(id, { count, notBefore: now + wait });
  }

  succeeded(id: string): void {
    this.#failures.delete(id);
  }

  isDue(id: string, now: number): boolean {
    return (this.#failures.get(id)?.notBefore ?? 0) <= now;
  }

  /** The first failure of a row is worth a line in the log, the rest is its echo. */
  isFirst(id: string): boolean {
    return this.#failures.get(id)?.count === 1;
  }

  /** The earliest time after `now` at which something may be tried again. */
  nextAt(now: number): number | undefined {
    const times = [...this.#failures.values()].map(({ notBefore }) => notBefore).filter((time) => time > now);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}
