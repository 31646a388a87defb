import { setTimeout as delay } from "node:timers/promises";
import type { EventType } from "#contracts/event.ts";
import type { Assignment } from "#contracts/instance.ts";
import type { EventLog, NewEvent } from "#messaging/platform.ts";
import type { InstanceEvents } from "../container/node-services.ts";

const RETRY_MS = 500;
/** While NATS is away for long, the oldest are let go: state itself is reported anew. */
const MOST_WAITING = 10_000;

/** This node's events on their way to the log: in order, each until it is stored. */
export class EventOutbox implements InstanceEvents, AsyncDisposable {
  readonly #node: string;
  readonly #waiting: NewEvent[] = [];
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
    for (let event = this.#waiting[0]; event !== undefined; event = this.#waiting[0]) {
      try {
        await log.append(event);
        this.#waiting.shift();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        console.error(`the event ${event.type} waits:`, error);
        await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
        if (this.#closing.signal.aborted) return;
      }
    }
  }
}
