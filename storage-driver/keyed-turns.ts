/** Runs the tasks of one key one after the other, those of different keys side by side. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<Result>(key: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const turn = (async () => {
      await before;
      return task();
    })();
    // A failed turn is its caller's matter; the next one only waits for its end.
    const ended = turn.then(nothing, nothing);
    this.#last.set(key, ended);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    }
  }
}

const nothing = (): void => undefined;
