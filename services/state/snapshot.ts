import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import type { RouteEntry } from "#contracts/route.ts";
import type { BucketEntry } from "#messaging/platform.ts";

/** The platform's state as this process knows it at one moment. */
export interface Snapshot {
  desired: readonly BucketEntry<DesiredProject>[];
  assignments: readonly BucketEntry<Assignment>[];
  observed: readonly BucketEntry<ObservedInstance>[];
  routes: readonly BucketEntry<RouteEntry>[];
}

/** An assignment and what its node says of it. */
export interface Replica {
  key: string;
  /** The KV revision that a change expects. */
  kvRevision: number;
  assignment: Assignment;
  observed: ObservedInstance | undefined;
}

/** All assignments with their observations. */
export function replicasOf(snapshot: Snapshot): Replica[] {
  const observed = new Map(snapshot.observed.map((entry) => [entry.key, entry.value]));
  return snapshot.assignments.map((entry) => ({
    key: entry.key,
    kvRevision: entry.revision,
    assignment: entry.value,
    observed: observed.get(entry.key),
  }));
}

/** What nodes still report although nothing asks for it any more: on its way out. */
export function leftoversOf(snapshot: Snapshot): ObservedInstance[] {
  const assigned = new Set(snapshot.assignments.map((entry) => entry.key));
  return snapshot.observed.filter((entry) => !assigned.has(entry.key)).map((entry) => entry.value);
}
