import { messagingError } from "../errors.ts";

/** The handlers that run of one server, so that it does not leave them behind. */
export class RunningCalls {
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();

  /** Aborted when the server closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Keeps a call, whose promise never rejects, until it has settled. */
  add(call: Promise<void>): void {
    this.#running.add(call);
    void call.finally(() => this.#running.delete(call));
  }

  /** Tells the handlers to end and waits until they have. */
  async close(): Promise<void> {
    this.#closing.abort(messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", "this process is stopping"));
    await Promise.all(this.#running);
  }
}
