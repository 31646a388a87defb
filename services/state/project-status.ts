import type { ProjectStatus, ServiceStatus } from "#contracts/api.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import { viewProject } from "./project-view.ts";
import { serviceStatus } from "./service-status.ts";
import { type Snapshot, leftoversOf, replicasOf } from "./snapshot.ts";

/** A project compared with what is wanted of it. */
export function projectStatus(desired: DesiredProject, snapshot: Snapshot): ProjectStatus {
  const { name } = desired.spec;
  const replicas = replicasOf(snapshot).filter(({ assignment }) => assignment.project === name);
  const leftovers = leftoversOf(snapshot).filter(({ project }) => project === name);
  const view = viewProject(desired, replicas);
  const oneOffs = new Set(view.oneOffs.map(({ assignment }) => assignment.service));
  const there = [...replicas.map(({ assignment }) => assignment.service), ...leftovers.map(({ service }) => service)];
  const isRemoved = (service: string): boolean =>
    desired.removal !== undefined || !(view.services.has(service) || oneOffs.has(service));
  const removed = [...new Set(there)].filter(isRemoved);
  const kept = desired.removal === undefined ? [...view.services.values()] : [];
  const routes = snapshot.routes.map(({ value }) => value).filter(({ project }) => project === name);
  const services = [
    ...kept.map((service) => serviceStatus(service, { leftovers: count(leftovers, service.name), routes })),
    ...removed.map((service) => beingRemoved(service, count(leftovers, service))),
  ];
  return {
    project: name,
    generation: desired.generation,
    state: desired.removal === undefined ? combine(services) : "removing",
    services: services.toSorted((a, b) => (a.service < b.service ? -1 : 1)),
  };
}

const count = (leftovers: readonly { service: string }[], name: string): number =>
  leftovers.filter(({ service }) => service === name).length;

function combine(services: readonly ServiceStatus[]): ProjectStatus["state"] {
  if (services.some(({ state }) => state === "failed")) return "failed";
  if (services.some(({ state }) => state === "progressing" || state === "waiting")) return "progressing";
  return services.length > 0 && services.every(({ state }) => state === "stopped") ? "stopped" : "ready";
}

/** A service that the project no longer has, or one of a project that `down` named, until its last instance is gone. */
function beingRemoved(service: string, stopping: number): ServiceStatus {
  const detail = stopping > 0 ? `is being removed, ${stopping} stopping` : "is being removed";
  return { service, state: "progressing", detail, replicas: 0, running: 0, healthy: 0 };
}
