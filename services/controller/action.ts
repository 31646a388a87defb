import type { Assignment } from "#contracts/instance.ts";
import type { RouteEntry } from "#contracts/route.ts";
import type { NewEvent } from "#messaging/platform.ts";
import type { ServiceWait } from "./wait-teller.ts";

/** Why an instance is removed. */
export type LeaveReason =
  | "scaled-down"
  | "replaced"
  | "superseded"
  | "duplicate"
  | "service-removed"
  | "project-removed"
  | "ended";

/** One thing to do. Each can be repeated; writes carry the KV revision that they expect. */
export type Action =
  | { type: "create-assignment"; key: string; assignment: Assignment; event: NewEvent }
  | { type: "change-assignment"; key: string; assignment: Assignment; kvRevision: number }
  | { type: "delete-assignment"; key: string; reason: LeaveReason; event?: NewEvent }
  | { type: "write-route"; key: string; entry: RouteEntry; kvRevision: number; event: NewEvent }
  | { type: "delete-route"; key: string; event: NewEvent }
  | { type: "remove-volume"; name: string }
  | { type: "remove-account"; project: string }
  | { type: "delete-project"; key: string; event: NewEvent };

/** What to do for one project, or one instance of `run`, in this order; what fails is decided again. */
export interface ProjectPlan {
  /** The project, or `<project>/<instance id>`: plans of one id are not carried out at once. */
  id: string;
  project: string;
  /** W3C Trace Context of the request that this follows from. */
  traceparent: string | undefined;
  actions: Action[];
}

export interface Decision {
  plans: ProjectPlan[];
  /** Services for which nothing can be done yet. */
  waits: ServiceWait[];
  /** Instances that leave and that no route sends requests to any more: they may go as soon as the gateway is done with them. */
  draining: readonly string[];
  /** Milliseconds since the epoch: decide again then, even if nothing changed. */
  wakeAt: number | undefined;
}
