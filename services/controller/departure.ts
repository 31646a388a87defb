import { DRAIN_NOTICE_MS } from "#contracts/route.ts";
import type { Replica, Snapshot } from "#services/state/snapshot.ts";
import type { Action, LeaveReason } from "./action.ts";
import { CONTROLLER_SOURCE, instanceSubject } from "./event-subject.ts";

/**
 * How instances leave: one that a route names is first marked as draining, so that every gateway stops sending it requests, and
 * removed when the gateway says that it is done with it, or (it may be away) after a notice. Others are removed at once.
 */
export class Departures {
  readonly #now: number;
  readonly #drained: ReadonlySet<string>;
  /** Named by a route, whatever their state. */
  readonly #routed: ReadonlySet<string>;
  /** Sent requests by a route. */
  readonly #sentTo: ReadonlySet<string>;
  readonly #draining: string[] = [];
  #wakeAt: number | undefined;

  constructor({ snapshot, drained, now }: { snapshot: Snapshot; drained: ReadonlySet<string>; now: number }) {
    this.#now = now;
    this.#drained = drained;
    const targets = snapshot.routes.flatMap((entry) => entry.value.targets);
    this.#routed = new Set(targets.map((target) => target.instanceId));
    this.#sentTo = new Set(targets.filter(({ state }) => state !== "draining").map((target) => target.instanceId));
  }

  /** Those that drain and that no route sends to. */
  get draining(): readonly string[] {
    return this.#draining;
  }

  /** When the next drain is over. */
  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  leave(replica: Replica, reason: LeaveReason): Action[] {
    const { key, assignment, kvRevision } = replica;
    if (assignment.drainingSince !== undefined) return this.#finishDrain(replica, assignment.drainingSince, reason);
    if (!this.#routed.has(assignment.instanceId)) return [deletion(replica, reason)];
    this.wakeBy(this.#now + DRAIN_NOTICE_MS);
    const drainingSince = new Date(this.#now).toISOString();
    return [{ type: "change-assignment", key, assignment: { ...assignment, drainingSince }, kvRevision }];
  }

  /** Asks to be decided again at this time. */
  wakeBy(time: number): void {
    this.#wakeAt = Math.min(time, this.#wakeAt ?? Number.POSITIVE_INFINITY);
  }

  #finishDrain(replica: Replica, since: string, reason: LeaveReason): Action[] {
    const { instanceId } = replica.assignment;
    if (!this.#sentTo.has(instanceId)) {
      this.#draining.push(instanceId);
      if (this.#drained.has(instanceId)) return [deletion(replica, reason)];
    }
    const end = Date.parse(since) + DRAIN_NOTICE_MS;
    // A clock that was set back must not keep an instance for ever.
    if (this.#now >= end || this.#now < Date.parse(since)) return [deletion(replica, reason)];
    this.wakeBy(end);
    return [];
  }
}

function deletion(replica: Replica, reason: LeaveReason): Action {
  const { key, assignment } = replica;
  if (reason !== "replaced") return { type: "delete-assignment", key, reason };
  return {
    type: "delete-assignment",
    key,
    reason,
    event: {
      type: "service.replaced",
      source: CONTROLLER_SOURCE,
      subject: instanceSubject(assignment),
      project: assignment.project,
      data: { service: assignment.service, index: assignment.index, replacedRevision: assignment.revision },
    },
  };
}
