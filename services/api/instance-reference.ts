import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import type { Snapshot } from "#services/state/snapshot.ts";
import { apiError } from "./errors.ts";

/** An instance as it is known: asked for, reported, or both. */
export interface KnownInstance {
  key: string;
  /** Absent for one that is on its way out. */
  assignment: Assignment | undefined;
  /** What its node reports, or that it is pending when it has not yet. */
  observed: ObservedInstance;
}

/** All instances, by project, service, number and age. */
export function knownInstances(snapshot: Snapshot): KnownInstance[] {
  const known = new Map<string, KnownInstance>();
  for (const { key, value } of snapshot.observed) known.set(key, { key, assignment: undefined, observed: value });
  for (const { key, value } of snapshot.assignments) {
    known.set(key, { key, assignment: value, observed: known.get(key)?.observed ?? pendingObservation(value) });
  }
  const order = ({ observed }: KnownInstance): string =>
    [observed.project, observed.service, String(observed.index).padStart(6, "0"), observed.createdAt].join("\n");
  return [...known.values()].toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** What is said of an assignment that its node has not taken up yet. */
export function pendingObservation(assignment: Assignment): ObservedInstance {
  const { instanceId, name, project, service, index, revision, node, createdAt, spec } = assignment;
  const identity = { instanceId, name, project, service, index, revision, node, createdAt };
  return {
    ...identity,
    state: "pending",
    health: "none",
    exitCode: null,
    oomKilled: false,
    pid: null,
    ip: null,
    addresses: {},
    ports: [],
    image: spec.image,
    imageDigest: null,
    startedAt: null,
    finishedAt: null,
    restarts: 0,
    runSerial: 0,
  };
}

/**
 * The instance that a person means: its id or a unique beginning of it, its name, `<project>/<service>` or a service's name that only
 * one project has. Of several replicas the one that runs, and of these the first.
 */
export function resolveInstance(snapshot: Snapshot, reference: string): KnownInstance {
  const instances = knownInstances(snapshot);
  const exact = instances.find(({ observed }) => observed.instanceId === reference);
  const found =
    exact ??
    preferred(instances.filter(({ observed }) => observed.name === reference)) ??
    preferred(instances.filter(({ observed }) => `${observed.project}/${observed.service}` === reference)) ??
    byIdPrefix(instances, reference) ??
    byServiceName(instances, reference);
  if (found === undefined) throw unknownInstance(reference, instances);
  return found;
}

function preferred(candidates: readonly KnownInstance[]): KnownInstance | undefined {
  const rank = ({ assignment, observed }: KnownInstance): number =>
    (observed.state === "running" ? 2 : 0) + (assignment !== undefined && assignment.drainingSince === undefined ? 1 : 0);
  return candidates.toSorted((a, b) => rank(b) - rank(a))[0];
}

function byIdPrefix(instances: readonly KnownInstance[], prefix: string): KnownInstance | undefined {
  if (!/^[0-9a-f]+$/.test(prefix)) return undefined;
  const matching = instances.filter(({ observed }) => observed.instanceId.startsWith(prefix));
  if (matching.length > 1) throw ambiguous(prefix, matching);
  return matching[0];
}

function byServiceName(instances: readonly KnownInstance[], name: string): KnownInstance | undefined {
  const matching = instances.filter(({ observed }) => observed.service === name);
  if (new Set(matching.map(({ observed }) => observed.project)).size > 1) throw ambiguous(name, matching);
  return preferred(matching);
}

function ambiguous(reference: string, matching: readonly KnownInstance[]): SlipwayError {
  return apiError("SLIPWAY_API_INSTANCE_AMBIGUOUS", `${reference} may be any of ${list(matching)}`);
}

function unknownInstance(reference: string, instances: readonly KnownInstance[]): SlipwayError {
  const there = instances.length === 0 ? "there are none" : `there are ${list(instances)}`;
  return apiError("SLIPWAY_API_INSTANCE_UNKNOWN", `there is no instance ${reference}; ${there}`);
}

const LISTED = 20;

function list(instances: readonly KnownInstance[]): string {
  const names = instances.slice(0, LISTED).map(({ observed }) => `${observed.name} (${observed.instanceId})`);
  return names.join(", ") + (instances.length > LISTED ? ` and ${instances.length - LISTED} more` : "");
}

/** As {@link resolveInstance}, one that is still wanted. */
export function requireAssigned(snapshot: Snapshot, reference: string): KnownInstance & { assignment: Assignment } {
  const found = resolveInstance(snapshot, reference);
  if (found.assignment !== undefined) return { ...found, assignment: found.assignment };
  throw apiError("SLIPWAY_API_INSTANCE_NOT_RUNNING", `${found.observed.name} is being removed`);
}
