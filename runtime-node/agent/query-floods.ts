import type { NetworkEndpoint } from "../dns/name-table.ts";
import type { EventOutbox } from "./event-outbox.ts";

/** A flood that goes on is told of again after this long. */
const QUIET_MS = 60_000;

/** Tells of instances that ask for names faster than the world answers: what is over their share gets SERVFAIL. */
export class QueryFloods {
  readonly #events: Pick<EventOutbox, "append">;
  readonly #now: () => number;
  /** When each was last told of, by the steady clock. */
  readonly #toldAt = new Map<string, number>();

  constructor(events: Pick<EventOutbox, "append">, now: () => number = () => performance.now()) {
    this.#events = events;
    this.#now = now;
  }

  /** To be called with every query that was turned away. */
  turnedAway({ instanceId, instanceName, project, service, network }: NetworkEndpoint): void {
    const now = this.#now();
    if (now - (this.#toldAt.get(instanceId) ?? -Infinity) < QUIET_MS) return;
    this.#toldAt.set(instanceId, now);
    this.#events.append({
      type: "instance.queries-throttled",
      subject: `${project}/${service}/${instanceName}`,
      project,
      data: { instanceId, network },
    });
  }

  forget(instanceId: string): void {
    this.#toldAt.delete(instanceId);
  }
}
