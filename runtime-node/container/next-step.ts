import type { Assignment } from "#contracts/instance.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** What is asked of the instance now. */
export type Wanted = { type: "removed" } | { type: "assigned"; assignment: Pick<Assignment, "desired" | "runSerial"> };

export type NextStep =
  | { type: "start"; restart: boolean }
  | { type: "stop" }
  | { type: "remove" }
  /** Until something changes, or at the latest at `until` (milliseconds since the epoch). */
  | { type: "wait"; until?: number };

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
    case "failed":
      return { type: "wait" };
    case "backoff":
      return now >= lifecycle.until ? { type: "start", restart: true } : { type: "wait", until: lifecycle.until };
    case "ended":
      return lifecycle.held ? { type: "start", restart: false } : { type: "wait" };
  }
}
