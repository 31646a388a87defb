import type { ServiceSpec } from "#contracts/service-spec.ts";
import type { DependencyGate } from "./dependency-gate.ts";
import type { ReplicaCondition } from "./replica-condition.ts";
import type { Replica } from "./snapshot.ts";

/** A replica and how it does. */
export interface JudgedReplica {
  replica: Replica;
  condition: ReplicaCondition;
}

/** One service of a project: what is wanted beside what there is. */
export interface ServiceView {
  name: string;
  spec: ServiceSpec;
  revision: string;
  /** The replicas' numbers that should run, from 1; without the held ones. */
  wanted: readonly number[];
  /** The replicas' numbers held stopped. */
  held: readonly number[];
  /** Of the wanted revision and number. */
  current: readonly JudgedReplica[];
  /** Of another revision, or with a number past the wanted. */
  outdated: readonly JudgedReplica[];
  /** Taken off their routes, about to be removed. */
  leaving: readonly Replica[];
  gate: DependencyGate;
}
