import { DRAIN_NOTICE_MS } from "#contracts/route.ts";
import type { Replica, Snapshot } from "#services/state/snapshot.ts";
import type { Action, LeaveReason } from "./action.ts";
import { CONTROLLER_SOURCE, instanceSubject } from "./event-subject.ts";

/**
 * How instances leave: one that a route names is first marked as draining, so that every gateway stops sending it requests, and
 * removed when they have had notice. Others are removed at once.
 */
export class Departures {
  readonly #now: number;
  readonly #routed: ReadonlySet<string>;
  #wakeAt: number | undefined;

  constructor(snapshot: Snapshot, now: number) {
    this.#now = now;
    this.#routed = new Set(snapshot.routes.flatMap((entry) => entry.value.targets.map((target) => target.instanceId)));
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
