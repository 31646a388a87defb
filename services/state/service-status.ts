import type { ServiceStatus } from "#contracts/api.ts";
import type { RouteEntry } from "#contracts/route.ts";
import type { RouteSpec } from "#contracts/service-spec.ts";
import type { JudgedReplica, ServiceView } from "./service-view.ts";

type State = Pick<ServiceStatus, "state" | "detail">;

/** Beside the service itself. */
export interface ServiceSurroundings {
  /** Its instances that are on their way out. */
  leftovers: number;
  /** All routes there are. */
  routes: readonly RouteEntry[];
}

/** One service compared with what is wanted. */
export function serviceStatus(view: ServiceView, surroundings: ServiceSurroundings): ServiceStatus {
  const all = [...view.current, ...view.outdated];
  const running = all.filter(({ replica }) => replica.observed?.state === "running");
  return {
    service: view.name,
    ...judgeService(view, surroundings),
    replicas: view.spec.replicas,
    running: running.length,
    healthy: running.filter(({ replica }) => replica.observed?.health === "healthy").length,
  };
}

function judgeService(view: ServiceView, { leftovers, routes }: ServiceSurroundings): State {
  return failure(view) ?? heldBack(view) ?? onTheWay(view, leftovers) ?? notRouted(view, routes) ?? settled(view);
}

function failure(view: ServiceView): State | undefined {
  const broken = view.current.find(({ condition }) => condition.is === "failed");
  if (broken?.condition.is !== "failed") return undefined;
  const survivor = view.outdated.some(({ condition }) => condition.is === "available");
  const note = survivor ? "; the replaced revision keeps running" : "";
  return { state: "failed", detail: `${broken.condition.reason}${note}` };
}

function heldBack(view: ServiceView): State | undefined {
  if (view.gate.is === "open" || missing(view) === 0) return undefined;
  return view.gate.is === "failed"
    ? { state: "failed", detail: `cannot start: ${view.gate.detail}` }
    : { state: "waiting", detail: view.gate.detail };
}

function onTheWay(view: ServiceView, leftovers: number): State | undefined {
  const wanted = view.wanted.length;
  const starting = view.current.flatMap(({ condition }) => (condition.is === "starting" ? [condition.phase] : []));
  const stopping = view.current.filter(({ condition }) => condition.is === "stopping").length;
  const parts = [
    `${wanted - missing(view) - starting.length}/${wanted} running`,
    ...(starting.length > 0 ? [`${starting.length} ${starting[0]}`] : []),
    ...(missing(view) > 0 ? [`${missing(view)} to be started`] : []),
    ...(view.outdated.length > 0 ? [`${view.outdated.length} to be replaced or removed`] : []),
    ...(stopping + view.leaving.length + leftovers > 0 ? [`${stopping + view.leaving.length + leftovers} stopping`] : []),
  ];
  return parts.length === 1 ? undefined : { state: "progressing", detail: parts.join(", ") };
}

/** Who is told that a service is ready may ask the gateway for it at once. */
function notRouted(view: ServiceView, routes: readonly RouteEntry[]): State | undefined {
  const serving = view.current.filter(({ condition }) => condition.is === "available");
  const isTarget = (route: RouteSpec, instanceId: string): boolean =>
    routes.some(
      ({ host, path, targets }) =>
        host === route.host &&
        path === route.path &&
        targets.some((target) => target.instanceId === instanceId && target.state === "ready"),
    );
  const absent = view.spec.slipway.routes.find((route) =>
    serving.some(({ replica }) => !isTarget(route, replica.assignment.instanceId)),
  );
  if (absent === undefined) return undefined;
  return { state: "progressing", detail: `its route ${absent.host}${absent.path} is on the way` };
}

function settled(view: ServiceView): State {
  const count = (is: JudgedReplica["condition"]["is"]): number =>
    view.current.filter(({ condition }) => condition.is === is).length;
  if (view.wanted.length === 0) {
    return view.held.length > 0
      ? { state: "stopped", detail: "stopped" }
      : { state: "ready", detail: "no replicas wanted" };
  }
  const completed = count("completed");
  if (completed === view.wanted.length) return { state: "ready", detail: "completed" };
  const held = view.held.length > 0 ? `, ${view.held.length} stopped` : "";
  const done = completed > 0 ? `, ${completed} completed` : "";
  return { state: "ready", detail: `${count("available")}/${view.wanted.length} running${done}${held}` };
}

/** Replicas that are wanted and not there in the wanted revision. */
function missing(view: ServiceView): number {
  const there = new Set(view.current.map(({ replica }) => replica.assignment.index));
  return view.wanted.filter((index) => !there.has(index)).length;
}
