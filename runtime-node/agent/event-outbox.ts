import { setTimeout as delay } from "node:timers/promises";
import type { EventType } from "#contracts/event.ts";
import type { Assignment } from "#contracts/instance.ts";
import type { EventLog, NewEvent } from "#messaging/platform.ts";
import type { InstanceEvents } from "../container/node-services.ts";

const RETRY_MS = 500;
/** So many are on their way at once; the server takes them in their order. */
const MOST_SENT_AT_ONCE = 64;
/** While NATS is away for long, the oldest are let go: state itself is reported anew. */
const MOST_WAITING = 10_000;

/** This node's events on their way to the log: in order, each until it is stored. What comes together is sent together. */
export class EventOutbox implements InstanceEvents, AsyncDisposable {
  readonly #node: string;
  #waiting: NewEvent[] = [];
  readonly #closing = new AbortController();
  #log: EventLog | undefined;
  #sending: Promise<void> | undefined;

  constructor(node: string) {
    this.#node = node;
  }

  /** From when on there is somewhere to send them. */
  open(log: EventLog): void {
    this.#log = log;
    this.#send();
  }

  record(type: EventType, { project, service, name, instanceId }: Assignment, data: Record<string, unknown> = {}): void {
    this.append({ type, subject: `${project}/${service}/${name}`, project, data: { instanceId, ...data } });
  }

  append(event: Omit<NewEvent, "source">): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift();
    this.#waiting.push({ source: `/nodes/${this.#node}/agent`, ...event });
    this.#send();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#sending;
  }

  #send(): void {
    if (this.#log === undefined || this.#sending !== undefined) return;
    this.#sending = this.#drain(this.#log).finally(() => {
      this.#sending = undefined;
      // One may have come after the last look.
      if (this.#waiting.length > 0 && !this.#closing.signal.aborted) this.#send();
    });
  }

  async #drain(log: EventLog): Promise<void> {
    const { signal } = this.#closing;
    while (this.#waiting.length > 0) {
      const failure = await this.#sendTogether(log, this.#waiting.slice(0, MOST_SENT_AT_ONCE));
      if (failure === undefined) continue;
      if (signal.aborted) return;
      console.error("events wait:", failure.reason);
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
  }

  /** Returns why the first of those that are not stored is not. */
  async #sendTogether(log: EventLog, events: readonly NewEvent[]): Promise<PromiseRejectedResult | undefined> {
    const results = await Promise.allSettled(events.map((event) => log.append(event)));
    const stored = new Set(events.filter((_, index) => results[index]?.status === "fulfilled"));
    this.#waiting = this.#waiting.filter((event) => !stored.has(event));
    return results.find((result) => result.status === "rejected");
  }
}
