import { routeKey } from "#contracts/buckets.ts";
import type { EventType } from "#contracts/event.ts";
import { RouteEntry, RouteTarget } from "#contracts/route.ts";
import type { RouteSpec } from "#contracts/service-spec.ts";
import type { NewEvent } from "#messaging/platform.ts";
import type { ProjectView } from "#services/state/project-view.ts";
import { isServing } from "#services/state/replica-condition.ts";
import type { ServiceView } from "#services/state/service-view.ts";
import type { Replica, Snapshot } from "#services/state/snapshot.ts";
import type { Action } from "./action.ts";
import { CONTROLLER_SOURCE } from "./event-subject.ts";

/** Makes the routes what the projects' services want, with the instances that serve them now. */
export function decideRoutes(views: readonly ProjectView[], snapshot: Snapshot): Map<string, Action[]> {
  const existing = new Map(snapshot.routes.map((entry) => [entry.key, entry]));
  const wanted = wantedRoutes(views, (key) => existing.get(key)?.value);
  const actions = new Map<string, Action[]>();
  const add = (project: string, action: Action): void => {
    actions.set(project, [...(actions.get(project) ?? []), action]);
  };
  for (const [key, entry] of wanted) {
    const found = existing.get(key);
    if (found !== undefined && isSame(found.value, entry)) continue;
    const event = routeEvent(found === undefined ? "route.added" : "route.changed", entry);
    add(entry.project, { type: "write-route", key, entry, kvRevision: found?.revision ?? 0, event });
  }
  for (const { key, value } of snapshot.routes) {
    if (!wanted.has(key)) add(value.project, { type: "delete-route", key, event: routeEvent("route.removed", value) });
  }
  return actions;
}

const ROUTE_FIELDS = (Object.keys(RouteEntry.properties) as (keyof RouteEntry)[]).filter((field) => field !== "targets");
const TARGET_FIELDS = Object.keys(RouteTarget.properties) as (keyof RouteTarget)[];

/** By their fields: all routes are compared at every change of anything. */
function isSame(one: RouteEntry, other: RouteEntry): boolean {
  return (
    one.targets.length === other.targets.length &&
    ROUTE_FIELDS.every((field) => one[field] === other[field]) &&
    one.targets.every((each, at) => TARGET_FIELDS.every((field) => each[field] === other.targets[at]?.[field]))
  );
}

function wantedRoutes(
  views: readonly ProjectView[],
  existing: (key: string) => RouteEntry | undefined,
): Map<string, RouteEntry> {
  const wanted = new Map<string, RouteEntry>();
  const staying = views.filter((view) => view.desired.removal === undefined);
  for (const view of staying.toSorted((a, b) => (a.desired.spec.name < b.desired.spec.name ? -1 : 1))) {
    const project = view.desired.spec.name;
    for (const service of view.services.values()) {
      for (const route of service.spec.slipway.routes) {
        const key = routeKey(route.host, route.path);
        // The API refuses a route that another project has; should two have it all the same, the first to have it keeps it.
        const found = existing(key);
        if (wanted.has(key) && found?.project !== project) continue;
        wanted.set(key, routeEntry(project, service, route, found?.targets ?? []));
      }
    }
  }
  return wanted;
}

function routeEntry(project: string, service: ServiceView, route: RouteSpec, known: readonly RouteTarget[]): RouteEntry {
  const live = [...service.current, ...service.outdated].map(({ replica }) => replica);
  const targets = [
    ...live.flatMap((replica) => target(replica, route, known, liveState(service, replica))),
    ...service.leaving.flatMap((replica) => target(replica, route, known, "draining")),
  ];
  return {
    host: route.host,
    path: route.path,
    project,
    service: service.name,
    targets: targets.toSorted((a, b) => (a.instanceId < b.instanceId ? -1 : 1)),
  };
}

type TargetState = RouteTarget["state"];

/** Undefined for one that has yet to pass its first check: it takes no requests and has failed none. */
function liveState(service: ServiceView, { assignment, observed }: Replica): TargetState | undefined {
  if (observed === undefined || observed.runSerial < assignment.runSerial) return undefined;
  if (service.held.includes(assignment.index)) return "draining";
  if (isServing(observed)) return "ready";
  return observed.health === "unhealthy" ? "unhealthy" : undefined;
}

function target(
  { assignment: { instanceId, traceparent }, observed }: Replica,
  route: RouteSpec,
  known: readonly RouteTarget[],
  state: TargetState | undefined,
): RouteTarget[] {
  // Observations are lost with nats-server's memory and told again a moment later: until then what was known holds.
  if (observed === undefined) {
    const former = known.find((each) => each.instanceId === instanceId);
    return former === undefined ? [] : [{ ...former, port: route.port, state: state ?? former.state }];
  }
  if (state === undefined || observed.state !== "running" || observed.ip === null) return [];
  const trace = traceparent === undefined ? {} : { traceparent };
  return [{ instanceId, address: observed.ip, port: route.port, state, ...trace }];
}

function routeEvent(type: EventType, entry: RouteEntry): NewEvent {
  return {
    type,
    source: CONTROLLER_SOURCE,
    subject: `${entry.project}/${entry.service}`,
    project: entry.project,
    data: { host: entry.host, path: entry.path, targets: entry.targets },
  };
}
