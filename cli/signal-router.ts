import { constants } from "node:os";
import { QuietExit } from "./errors.ts";

const ENDING: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const FORWARDED: NodeJS.Signals[] = [...ENDING, "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/** What happens on a signal: it aborts the command, unless a verb has taken signals for itself. */
export class SignalRouter implements Disposable {
  readonly #ending = new AbortController();
  readonly #onEnding = (name: NodeJS.Signals): void => this.#ending.abort(new QuietExit(128 + constants.signals[name]));
  #taken: ((name: NodeJS.Signals) => void) | undefined;

  constructor() {
    for (const name of ENDING) process.on(name, this.#onEnding);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  take(onSignal: (name: NodeJS.Signals) => void): Disposable {
    this[Symbol.dispose]();
    this.#taken = onSignal;
    for (const name of FORWARDED) process.on(name, onSignal);
    return {
      [Symbol.dispose]: () => {
        if (this.#taken !== onSignal) return;
        this[Symbol.dispose]();
        for (const name of ENDING) process.on(name, this.#onEnding);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const name of ENDING) process.off(name, this.#onEnding);
    if (this.#taken !== undefined) for (const name of FORWARDED) process.off(name, this.#taken);
    this.#taken = undefined;
  }
}
