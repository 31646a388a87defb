import type { Assignment } from "#contracts/instance.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** What is asked of the instance now. */
export type Wanted = { type: "removed" } | { type: "assigned"; assignment: Pick<Assignment, "desired" | "runSerial"> };

export type NextStep =
  | { type: "start"; restart: boolean }
  | { type: "stop" }
  | { type: "remove" }
  /** Until something changes, or at the latest at `until` (milliseconds since the epoch, by steadyNow). */
  | { type: "wait"; until?: number };

/** No wait of ours is longer: one that seems so was begun before the clock was set back, and is over. */
const LONGEST_WAIT_MS = 60_000;

/** Compares what is wanted with where the instance is. Everything the loop does follows from this one function. */
export function nextStep(wanted: Wanted, lifecycle: Lifecycle, now: number): NextStep {
  if (wanted.type === "removed") return lifecycle.type === "running" ? { type: "stop" } : { type: "remove" };
  const { desired, runSerial } = wanted.assignment;
  if (desired === "stopped") return lifecycle.type === "running" ? { type: "stop" } : { type: "wait" };
  if (lifecycle.type === "new") return { type: "start", restart: false };
  if (runSerial > lifecycle.runSerial)
    return lifecycle.type === "running" ? { type: "stop" } : { type: "start", restart: false };
  switch (lifecycle.type) {
    case "running":
      return { type: "wait" };
    case "failed":
      return lifecycle.retry === undefined ? { type: "wait" } : startAt(lifecycle.retry.at, now, false);
    case "backoff":
      return startAt(lifecycle.until, now, true);
    case "ended":
      return lifecycle.held ? { type: "start", restart: false } : { type: "wait" };
  }
}

function startAt(time: number, now: number, restart: boolean): NextStep {
  return now >= time || time - now > LONGEST_WAIT_MS ? { type: "start", restart } : { type: "wait", until: time };
}
