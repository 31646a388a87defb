import { constants } from "node:os";
import { QuietExit } from "../errors.ts";
import type { Invocation } from "../verb.ts";

const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Signals to us while a process is started and runs. waiting: it does not run, so what would end it ends the attempt, and the rest is
 * kept. forwarding: they are the process's own.
 */
export class ForwardedSignals implements Disposable {
  readonly #cancelling = new AbortController();
  readonly #taken: Disposable;
  #kept: NodeJS.Signals[] = [];
  #forward: ((name: NodeJS.Signals) => void) | undefined;

  constructor(takeSignals: Invocation["takeSignals"]) {
    this.#taken = takeSignals((name) => this.#receive(name));
  }

  /** Aborted with a QuietExit by a signal that came before the process ran. */
  get cancelled(): AbortSignal {
    return this.#cancelling.signal;
  }

  forwardTo(send: (name: NodeJS.Signals) => void): void {
    this.#forward = send;
    for (const name of this.#kept.splice(0)) send(name);
  }

  #receive(name: NodeJS.Signals): void {
    if (this.#forward !== undefined) this.#forward(name);
    else if (ENDING.includes(name)) this.#cancelling.abort(new QuietExit(128 + constants.signals[name]));
    else this.#kept.push(name);
  }

  [Symbol.dispose](): void {
    this.#taken[Symbol.dispose]();
  }
}
