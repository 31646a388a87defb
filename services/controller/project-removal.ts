import type { ObservedInstance } from "#contracts/instance.ts";
import type { ProjectView } from "#services/state/project-view.ts";
import type { Replica } from "#services/state/snapshot.ts";
import type { Action } from "./action.ts";
import { CONTROLLER_SOURCE } from "./event-subject.ts";
import type { ProjectScope } from "./service-rollout.ts";

/**
 * Takes a project that `down` named a step towards its end: services after all that depend on them have ended, then (with `-v`) the volumes that
 * its spec names, its account, and last its key: what is cut short is found again by it.
 */
export function decideRemoval(view: ProjectView, scope: ProjectScope): Action[] {
  const leave = (replica: Replica): Action[] => scope.departures.leave(replica, "project-removed");
  const remaining = [...view.strays, ...view.oneOffs, ...servicesToRemove(view, scope)];
  const isEmpty = remaining.length === 0 && scope.leftovers.length === 0 && !hasReplicas(view);
  return isEmpty ? lastSteps(view, scope) : remaining.flatMap(leave);
}

function servicesToRemove(view: ProjectView, scope: ProjectScope): Replica[] {
  return [...view.services.values()].flatMap((service) => {
    const dependants = [...view.services.values()].filter((other) => Object.hasOwn(other.spec.dependsOn, service.name));
    const held = dependants.some(
      (other) =>
        replicasIn(view, other.name).length > 0 ||
        scope.leftovers.some((instance) => instance.service === other.name && !hasEnded(instance)),
    );
    return held ? [] : replicasIn(view, service.name);
  });
}

/** It uses nothing any more, though it is yet to be taken apart. */
const hasEnded = ({ state }: ObservedInstance): boolean => state === "exited" || state === "failed";

function replicasIn(view: ProjectView, name: string): Replica[] {
  const service = view.services.get(name);
  if (service === undefined) return [];
  return [...service.current, ...service.outdated].map(({ replica }) => replica).concat(service.leaving);
}

const hasReplicas = (view: ProjectView): boolean =>
  [...view.services.keys()].some((name) => replicasIn(view, name).length > 0);

function lastSteps(view: ProjectView, scope: ProjectScope): Action[] {
  const { name, volumes } = view.desired.spec;
  const doomed = view.desired.removal?.volumes === true ? Object.keys(volumes) : [];
  return [
    ...doomed.map((volume): Action => ({ type: "remove-volume", name: `${name}_${volume}` })),
    { type: "remove-account", project: name },
    {
      type: "delete-project",
      key: name,
      event: {
        type: "project.removed",
        source: CONTROLLER_SOURCE,
        subject: name,
        project: name,
        data: { generation: scope.desired.generation, volumes: doomed.map((volume) => `${name}_${volume}`) },
      },
    },
  ];
}
