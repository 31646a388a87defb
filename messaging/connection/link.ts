import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import { messagingError } from "../errors.ts";
import { closeConnection } from "./close-connection.ts";
import { orAborted } from "./or-aborted.ts";

export type LinkStatus = { type: "connected" | "disconnected" | "reconnected" };

/**
 * A connection and its sessions. A session lasts from a connect to the next disconnect: what was sent in one and not
 * answered in it may be lost, as the client library keeps nothing over a reconnect. So every wait for the server is bound to a session.
 */
export class Link implements AsyncDisposable {
  readonly connection: NatsConnection;
  readonly log: (line: string) => void;
  readonly onStoreStuck: () => void;
  readonly #listeners = new Set<(status: LinkStatus) => void>();
  #session: AbortController | undefined = new AbortController();
  #closed = false;

  /** Where answers to this connection come. */
  readonly inboxPrefix: string;

  constructor(connection: NatsConnection, inboxPrefix: string, { log, onStoreStuck }: Pick<Link, "log" | "onStoreStuck">) {
    this.connection = connection;
    this.inboxPrefix = inboxPrefix;
    this.log = log;
    this.onStoreStuck = onStoreStuck;
    void this.#follow();
  }

  /** The session's signal, aborted with SLIPWAY_MESSAGING_UNAVAILABLE at its end; waits for one while the server is away. */
  async session(signal?: AbortSignal): Promise<AbortSignal> {
    signal?.throwIfAborted();
    while (this.#session === undefined) await this.#nextStatus(signal);
    return this.#session.signal;
  }

  get connected(): boolean {
    return this.#session !== undefined && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** A subject of its own for answers. */
  newInbox(): string {
    return createInbox(this.inboxPrefix);
  }

  /** Calls back at each change, until disposed. */
  onStatus(listener: (status: LinkStatus) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeConnection(this.connection);
    this.#end();
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") this.#disconnected();
      else if (status.type === "reconnect") this.#reconnected();
      else if (status.type === "error") this.log(`nats: ${status.error.message}`);
    }
    this.#end();
  }

  #disconnected(): void {
    this.#session?.abort(messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", "the connection to nats-server was lost"));
    this.#session = undefined;
    this.#tell({ type: "disconnected" });
  }

  #reconnected(): void {
    this.#session?.abort(messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", "the connection to nats-server was lost"));
    this.#session = new AbortController();
    this.#tell({ type: "reconnected" });
  }

  /** After the end there is a session that is over, so that no one waits for another. */
  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#session ??= new AbortController();
    this.#session.abort(messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", "the connection to nats-server is closed"));
    this.#tell({ type: "disconnected" });
  }

  #tell(status: LinkStatus): void {
    for (const listener of this.#listeners) listener(status);
  }

  async #nextStatus(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _listening = this.onStatus(() => resolve());
    await orAborted(promise, signal);
  }
}
