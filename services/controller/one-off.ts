import type { Replica } from "#services/state/snapshot.ts";
import type { Action } from "./action.ts";
import type { Departures } from "./departure.ts";

/** How long an ended instance is kept for a caller that has yet to attach and read its exit. */
export const ATTACH_GRACE_MS = 10_000;

/** Removes an instance of `slipway run --rm` that has ended. */
export function decideOneOff(replica: Replica, departures: Departures, now: number): Action[] {
  const { assignment, observed } = replica;
  if (assignment.attached?.removeOnExit !== true || observed === undefined) return [];
  if (observed.state !== "exited" && observed.state !== "failed") return [];
  if (observed.runSerial < assignment.runSerial) return [];
  const endedAt = Date.parse(observed.finishedAt ?? assignment.createdAt);
  const keepUntil = endedAt + (assignment.attached.waitForAttach ? ATTACH_GRACE_MS : 0);
  // A clock that was set back must not keep it for an hour.
  if (now < keepUntil && endedAt - now < ATTACH_GRACE_MS) {
    departures.wakeBy(keepUntil);
    return [];
  }
  return departures.leave(replica, "ended");
}
