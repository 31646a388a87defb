import { type ProjectView, viewProject } from "#services/state/project-view.ts";
import { type Snapshot, leftoversOf, replicasOf } from "#services/state/snapshot.ts";
import type { Action, Decision, ProjectPlan } from "./action.ts";
import { Departures } from "./departure.ts";
import { decideOneOff } from "./one-off.ts";
import { decideRemoval } from "./project-removal.ts";
import { decideRoutes } from "./routing.ts";
import { type ProjectScope, decideService } from "./service-rollout.ts";
import { waitsOf } from "./wait-teller.ts";

export interface World {
  snapshot: Snapshot;
  /** Of {@link Decision.draining}, those that the gateway has said to be done with. */
  drained: ReadonlySet<string>;
  /** Where new instances go. */
  node: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * What to do now so that the world becomes what is wanted: a pure function, asked again after every change. Instances whose project
 * has no key are left alone: a removal deletes the key last, so they are not ours to end.
 */
export function decide({ snapshot, drained, node, now }: World): Decision {
  const departures = new Departures({ snapshot, drained, now });
  const replicas = replicasOf(snapshot);
  const replicasBy = Map.groupBy(replicas, ({ assignment }) => assignment.project);
  const leftoversBy = Map.groupBy(leftoversOf(snapshot), ({ project }) => project);
  const views = snapshot.desired.map((entry) => viewProject(entry.value, replicasBy.get(entry.key) ?? []));
  const routes = decideRoutes(views, snapshot);
  const plans: ProjectPlan[] = snapshot.desired.map((entry, index) => {
    const view = views[index]!;
    const leftovers = leftoversBy.get(entry.key) ?? [];
    const scope = { desired: entry.value, desiredKvRevision: entry.revision, node, now, departures, leftovers };
    // Routes first: a gateway must know the new instance before the old one drains.
    const actions = [...(routes.get(entry.key) ?? []), ...decideProject(view, scope)];
    routes.delete(entry.key);
    return { id: entry.key, project: entry.key, traceparent: entry.value.traceparent, actions };
  });
  for (const [project, actions] of routes) plans.push({ id: project, project, traceparent: undefined, actions });
  const oneOffs = replicas
    .filter((replica) => replica.assignment.attached !== undefined)
    .map((replica) => ({
      id: `${replica.assignment.project}/${replica.assignment.instanceId}`,
      project: replica.assignment.project,
      traceparent: replica.assignment.traceparent,
      actions: decideOneOff(replica, departures, now),
    }));
  return {
    plans: [...plans, ...oneOffs].filter(({ actions }) => actions.length > 0),
    waits: views.flatMap(waitsOf),
    draining: departures.draining,
    wakeAt: departures.wakeAt,
  };
}

function decideProject(view: ProjectView, scope: ProjectScope): Action[] {
  if (view.desired.removal !== undefined) return decideRemoval(view, scope);
  return [
    ...view.strays.flatMap((replica) => scope.departures.leave(replica, "service-removed")),
    ...[...view.services.values()].flatMap((service) => decideService(service, scope)),
  ];
}
