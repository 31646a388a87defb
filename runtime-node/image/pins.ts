/** What is being worked with and must not be collected, by digest or chain id. */
export class Pins {
  readonly #counts = new Map<string, number>();

  has(id: string): boolean {
    return this.#counts.has(id);
  }

  /** A set of pins of one piece of work; disposal lets all of them go. */
  hold(): PinSet {
    return new PinSet(this.#counts);
  }
}

export class PinSet implements Disposable {
  readonly #counts: Map<string, number>;
  readonly #held: string[] = [];

  constructor(counts: Map<string, number>) {
    this.#counts = counts;
  }

  add(...ids: readonly string[]): void {
    for (const id of ids) {
      this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
      this.#held.push(id);
    }
  }

  [Symbol.dispose](): void {
    for (const id of this.#held.splice(0)) {
      const count = (this.#counts.get(id) ?? 0) - 1;
      if (count > 0) this.#counts.set(id, count);
      else this.#counts.delete(id);
    }
  }
}
