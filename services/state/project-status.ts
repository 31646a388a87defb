import type { ProjectStatus, ServiceStatus } from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import { type ProjectView, viewProject } from "./project-view.ts";
import { type Snapshot, leftoversOf, replicasOf } from "./snapshot.ts";
import { serviceStatus } from "./service-status.ts";

/** A project compared with what is wanted of it. */
export function projectStatus(desired: DesiredProject, snapshot: Snapshot): ProjectStatus {
  const view = viewProject(desired, replicasOf(snapshot));
  const leftovers = leftoversOf(snapshot).filter((instance) => instance.project === desired.spec.name);
  const services = [...view.services.values()].map((service) =>
    serviceStatus(service, leftovers.filter((instance) => instance.service === service.name).length),
  );
  return {
    project: desired.spec.name,
    generation: desired.generation,
    state: desired.removal === undefined ? combine(services, view, leftovers) : "removing",
    services: [...services.toSorted((a, b) => (a.service < b.service ? -1 : 1)), ...removedServices(view, leftovers)],
  };
}

function combine(
  services: readonly ServiceStatus[],
  view: ProjectView,
  leftovers: readonly ObservedInstance[],
): ProjectStatus["state"] {
  if (services.some(({ state }) => state === "failed")) return "failed";
  if (services.some(({ state }) => state === "progressing" || state === "waiting")) return "progressing";
  if (removedServices(view, leftovers).length > 0) return "progressing";
  return services.length > 0 && services.every(({ state }) => state === "stopped") ? "stopped" : "ready";
}

/** Services that the project no longer has, until their last instance is gone. */
function removedServices(view: ProjectView, leftovers: readonly ObservedInstance[]): ServiceStatus[] {
  const oneOffs = new Set(view.oneOffs.map((replica) => replica.assignment.service));
  const names = new Set([
    ...view.strays.map((replica) => replica.assignment.service),
    ...leftovers.map((instance) => instance.service).filter((name) => !view.services.has(name) && !oneOffs.has(name)),
  ]);
  return [...names].toSorted().map((service) => ({
    service,
    state: "progressing",
    detail: "is being removed",
    replicas: 0,
    running: 0,
    healthy: 0,
  }));
}
