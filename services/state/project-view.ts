import type { DesiredProject } from "#contracts/project-spec.ts";
import { dependencyGate } from "./dependency-gate.ts";
import { replicaCondition } from "./replica-condition.ts";
import { serviceRevision } from "./revision.ts";
import type { JudgedReplica, ServiceView } from "./service-view.ts";
import type { Replica } from "./snapshot.ts";

/** A project with every service judged. */
export interface ProjectView {
  desired: DesiredProject;
  /** By name, each after the services it depends on. */
  services: ReadonlyMap<string, ServiceView>;
  /** Instances of services that the project no longer has. */
  strays: readonly Replica[];
  /** Instances of `slipway run` in this project. */
  oneOffs: readonly Replica[];
}

/** Judges a project from its replicas (those of other projects are left out). */
export function viewProject(desired: DesiredProject, replicas: readonly Replica[]): ProjectView {
  const own = replicas.filter((replica) => replica.assignment.project === desired.spec.name);
  const members = own.filter((replica) => replica.assignment.attached === undefined);
  const services = new Map<string, ServiceView>();
  for (const name of dependencyOrder(desired.spec.services)) {
    const mine = members.filter((replica) => replica.assignment.service === name);
    services.set(name, viewService(desired, name, mine, services));
  }
  return {
    desired,
    services,
    strays: members.filter((replica) => !services.has(replica.assignment.service)),
    oneOffs: own.filter((replica) => replica.assignment.attached !== undefined),
  };
}

function viewService(
  desired: DesiredProject,
  name: string,
  replicas: readonly Replica[],
  earlier: ReadonlyMap<string, ServiceView>,
): ServiceView {
  const spec = desired.spec.services[name]!;
  const revision = serviceRevision(desired.spec, name);
  const numbers = Array.from({ length: spec.replicas }, (_, index) => index + 1);
  const held = numbers.filter((index) => isHeld(desired, name, index));
  const judge = (replica: Replica): JudgedReplica => {
    const { assignment, observed } = replica;
    return { replica, condition: replicaCondition(assignment, observed, held.includes(assignment.index)) };
  };
  const live = replicas.filter((replica) => replica.assignment.drainingSince === undefined).map(judge);
  const isCurrent = ({ replica: { assignment } }: JudgedReplica): boolean =>
    assignment.revision === revision && assignment.index <= spec.replicas;
  return {
    name,
    spec,
    revision,
    wanted: numbers.filter((index) => !held.includes(index)),
    held,
    current: live.filter(isCurrent),
    outdated: live.filter((judged) => !isCurrent(judged)),
    leaving: replicas.filter((replica) => replica.assignment.drainingSince !== undefined),
    gate: dependencyGate(spec, (dependency) => earlier.get(dependency)),
  };
}

/** True when `stop` holds this replica, or its whole service, stopped. */
export function isHeld(desired: DesiredProject, service: string, index: number): boolean {
  return desired.stopped.includes(service) || desired.stopped.includes(`${service}/${index}`);
}

/** The services' names, dependencies first. A cycle (which the API refuses) is cut where it closes. */
export function dependencyOrder(services: DesiredProject["spec"]["services"]): string[] {
  const ordered = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.has(name) || path.includes(name) || services[name] === undefined) return;
    for (const dependency of Object.keys(services[name].dependsOn)) visit(dependency, [...path, name]);
    ordered.add(name);
  };
  for (const name of Object.keys(services).toSorted()) visit(name, []);
  return [...ordered];
}
