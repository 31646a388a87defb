import { setTimeout as delay } from "node:timers/promises";
import { launchError } from "./errors.ts";
import { SupervisorClient, type SupervisorEvents } from "./supervisor-client.ts";

const FIRST_BACKOFF_MS = 10;
const LONGEST_BACKOFF_MS = 500;

export interface LinkEvents extends Pick<SupervisorEvents, "exited" | "stopContainers"> {
  /** The connection is gone; called once more when it turns out that the supervisor is dead. */
  lost: () => void;
  /** There is a new one; until this resolves nobody else uses it. */
  found: (client: SupervisorClient) => Promise<void>;
}

/**
 * The connection to the supervisor, made again whenever it breaks: a supervisor that replaces itself is back in a moment. One that died is
 * not waited for here: whoever starts next ends this process before it starts another in its place, so a stale one never asks for anything.
 */
export class SupervisorLink implements AsyncDisposable {
  readonly #path: string;
  readonly #events: LinkEvents;
  readonly #supervisorPid: number;
  readonly #closing = new AbortController();
  readonly #died = new AbortController();
  #client: SupervisorClient | undefined;
  #found = Promise.withResolvers<SupervisorClient>();
  #reconnecting: Promise<void> = Promise.resolve();

  private constructor(path: string, supervisorPid: number, events: LinkEvents) {
    this.#path = path;
    this.#supervisorPid = supervisorPid;
    this.#events = events;
  }

  /** `supervisorPid`: of the process that started us; throws SLIPWAY_LAUNCH_SUPERVISOR_AWAY when that is gone. */
  static async open(path: string, supervisorPid: number, events: LinkEvents): Promise<SupervisorLink> {
    const link = new SupervisorLink(path, supervisorPid, events);
    if (!link.supervisorLives) throw link.awayError();
    await link.#connect();
    return link;
  }

  /** The connection, while there is one. */
  get client(): SupervisorClient | undefined {
    return this.#client;
  }

  /** Whether the process that started us is alive, connected or not: then what it knows will be told. */
  get supervisorLives(): boolean {
    return process.ppid === this.#supervisorPid;
  }

  /**
   * The connection, waiting for one until the signal aborts; `alsoFromDead`: when the supervisor is dead, too. Throws
   * SLIPWAY_LAUNCH_SUPERVISOR_AWAY.
   */
  async connected(signal: AbortSignal, { alsoFromDead = false } = {}): Promise<SupervisorClient> {
    if (this.#client !== undefined) return this.#client;
    const gaveUp = Promise.withResolvers<never>();
    const giveUp = (): void => gaveUp.reject(this.awayError(signal.reason));
    const limit = alsoFromDead ? signal : AbortSignal.any([signal, this.#died.signal]);
    limit.addEventListener("abort", giveUp, { once: true });
    try {
      if (limit.aborted) giveUp();
      return await Promise.race([this.#found.promise, gaveUp.promise]);
    } finally {
      limit.removeEventListener("abort", giveUp);
    }
  }

  awayError(cause?: unknown): Error {
    const why = this.supervisorLives ? "does not answer" : "is dead";
    const message = `the supervisor of this node (pid ${this.#supervisorPid}) ${why}, and it alone starts processes in containers`;
    return launchError("SLIPWAY_LAUNCH_SUPERVISOR_AWAY", message, cause === undefined ? {} : { cause });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#client?.[Symbol.asyncDispose]();
    await this.#reconnecting;
  }

  async #connect(): Promise<void> {
    const { exited, stopContainers, found } = this.#events;
    let isUsable = false;
    const client = await SupervisorClient.connect(this.#path, {
      exited,
      stopContainers,
      closed: () => {
        if (isUsable) this.#lose();
      },
    });
    const leave = (): void => void client[Symbol.asyncDispose]();
    this.#closing.signal.addEventListener("abort", leave, { once: true });
    if (this.#closing.signal.aborted) leave();
    await found(client);
    if (!client.connected) throw this.awayError();
    isUsable = true;
    this.#client = client;
    this.#found.resolve(client);
  }

  #lose(): void {
    this.#client = undefined;
    this.#found = Promise.withResolvers();
    if (this.#closing.signal.aborted) return;
    this.#events.lost();
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    console.error("the supervisor closed the connection: containers run on, nothing is started until it is back");
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)) {
      await delay(backoffMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#closing.signal.aborted) return;
      if (!this.supervisorLives) {
        this.#died.abort();
        this.#events.lost();
        return console.error("the supervisor is dead: waiting for the next `slipway server`");
      }
      try {
        await this.#connect();
        return console.error("the supervisor is back");
      } catch {
        // Not listening yet, or gone again at once: tried again.
      }
    }
  }
}
