/** What a capture in this process tells the followers of its folder, in the same turn as it happens. */
export type LogChange = "appended" | "rotated";
type Listener = (change: LogChange) => void;

/** Connects captures and followers of the same folder within one process. */
export class LogHub {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #captures = new Map<string, number>();

  isCaptured(directory: string): boolean {
    return this.#captures.has(directory);
  }

  /** Marks a folder as written by this process, until disposal. */
  capturing(directory: string): Disposable {
    this.#captures.set(directory, (this.#captures.get(directory) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#captures.get(directory) ?? 0) - 1;
        if (left > 0) this.#captures.set(directory, left);
        else this.#captures.delete(directory);
      },
    };
  }

  publish(directory: string, change: LogChange): void {
    for (const listener of this.#listeners.get(directory) ?? []) listener(change);
  }

  subscribe(directory: string, listener: Listener): Disposable {
    const listeners = this.#listeners.get(directory) ?? new Set();
    this.#listeners.set(directory, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(directory) === listeners) this.#listeners.delete(directory);
      },
    };
  }
}

/** One a process: a capture and a follower that know nothing of each other meet by their folder. */
export const processLogHub = new LogHub();
