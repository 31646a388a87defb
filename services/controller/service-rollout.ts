import { instanceKey } from "#contracts/buckets.ts";
import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { instanceIdFor, instanceName } from "#services/state/instance-naming.ts";
import { networksOf, pick, volumesOf } from "#services/state/revision.ts";
import type { JudgedReplica, ServiceView } from "#services/state/service-view.ts";
import type { Replica } from "#services/state/snapshot.ts";
import type { Action } from "./action.ts";
import type { Departures } from "./departure.ts";
import { CONTROLLER_SOURCE, instanceSubject } from "./event-subject.ts";

/** What the decisions about one project share. */
export interface ProjectScope {
  desired: DesiredProject;
  desiredKvRevision: number;
  node: string;
  now: number;
  departures: Departures;
  /** Instances of the project that nothing asks for any more and that a node still reports. */
  leftovers: readonly ObservedInstance[];
}

/** The place of one replica: what holds it, and what is yet to leave it. */
interface Slot {
  index: number;
  current: JudgedReplica | undefined;
  outdated: readonly JudgedReplica[];
  /** True while a replica that was here is on its way out. */
  vacating: boolean;
}

/**
 * Takes one service a step towards what is wanted: starts and stops what `stop` and `start` ask for, makes missing replicas,
 * replaces outdated ones one at a time, removes those past the wanted number. A replacement that fails stops the rollout
 * where it is: the replicas not yet replaced keep running, and nothing is tried again until the spec changes.
 */
export function decideService(view: ServiceView, scope: ProjectScope): Action[] {
  const slots = view.wanted.map((index) => slotOf(view, scope, index));
  return [
    ...holdOrRelease(view, scope),
    ...removeSurplus(view, scope),
    ...finishDepartures(view, scope),
    ...clearSlots(view, slots, scope),
    ...(view.gate.is === "open" ? fillSlots(view, slots, scope) : []),
  ];
}

/**
 * Whether two replicas in one place would be in each other's way: one host port, one name, one writer of a volume. Then the old
 * one is stopped before the new one starts; otherwise after the new one serves.
 */
export function isExclusive(spec: ServiceSpec): boolean {
  const writesVolume = spec.mounts.some((mount) => mount.type === "volume" && mount.volume !== "" && !mount.readOnly);
  return spec.containerName !== undefined || writesVolume || spec.ports.some((port) => port.hostPort !== 0);
}

function slotOf(view: ServiceView, scope: ProjectScope, index: number): Slot {
  const here = (judged: JudgedReplica): boolean => judged.replica.assignment.index === index;
  const leftover = scope.leftovers.some((instance) => instance.service === view.name && instance.index === index);
  return {
    index,
    current: view.current.filter(here).toSorted(bestFirst)[0],
    outdated: view.outdated.filter(here),
    vacating: leftover || view.leaving.some((replica) => replica.assignment.index === index),
  };
}

const isSettled = ({ condition }: JudgedReplica): boolean => condition.is === "available" || condition.is === "completed";

function bestFirst(a: JudgedReplica, b: JudgedReplica): number {
  return Number(isSettled(b)) - Number(isSettled(a)) || a.replica.kvRevision - b.replica.kvRevision;
}

/** Stops what is held; starts again what no longer is, unless it is outdated: then its replacement starts instead. */
function holdOrRelease(view: ServiceView, { desired: { traceparent } }: ProjectScope): Action[] {
  const change = ({ replica }: JudgedReplica, asked: Pick<Assignment, "desired" | "runSerial">): Action => ({
    type: "change-assignment",
    key: replica.key,
    assignment: { ...replica.assignment, ...asked, ...(traceparent === undefined ? {} : { traceparent }) },
    kvRevision: replica.kvRevision,
  });
  const isHeld = ({ replica }: JudgedReplica): boolean => view.held.includes(replica.assignment.index);
  const asks = (desired: Assignment["desired"]) => (judged: JudgedReplica) => judged.replica.assignment.desired === desired;
  const toStop = [...view.current, ...view.outdated].filter(isHeld).filter(asks("running"));
  const toStart = view.current.filter((judged) => !isHeld(judged)).filter(asks("stopped"));
  return [
    ...toStop.map((judged) => change(judged, { desired: "stopped", runSerial: judged.replica.assignment.runSerial })),
    ...toStart.map((judged) => change(judged, { desired: "running", runSerial: judged.replica.assignment.runSerial + 1 })),
  ];
}

function removeSurplus(view: ServiceView, scope: ProjectScope): Action[] {
  const surplus = view.outdated.filter(({ replica }) => replica.assignment.index > view.spec.replicas);
  const highestFirst = surplus.toSorted((a, b) => b.replica.assignment.index - a.replica.assignment.index);
  return highestFirst.flatMap(({ replica }) => scope.departures.leave(replica, "scaled-down"));
}

function finishDepartures(view: ServiceView, scope: ProjectScope): Action[] {
  return view.leaving.flatMap((replica) => scope.departures.leave(replica, departureReason(view, replica)));
}

function departureReason(view: ServiceView, { assignment }: Replica): "scaled-down" | "replaced" {
  return assignment.index > view.spec.replicas ? "scaled-down" : "replaced";
}

/** Removes what a better replica in the same place has made needless. */
function clearSlots(view: ServiceView, slots: readonly Slot[], scope: ProjectScope): Action[] {
  return slots.flatMap(({ index, current, outdated }) => {
    const duplicates = view.current.filter(
      (judged) => judged.replica.assignment.index === index && judged.replica !== current?.replica,
    );
    const replaced = current !== undefined && isSettled(current);
    const superseded = outdated
      .toSorted(bestFirst)
      .slice(1)
      .filter((judged) => !isSettled(judged));
    return [
      ...duplicates.flatMap(({ replica }) => scope.departures.leave(replica, "duplicate")),
      ...(replaced
        ? outdated.flatMap(({ replica }) => scope.departures.leave(replica, "replaced"))
        : superseded.flatMap(({ replica }) => scope.departures.leave(replica, "superseded"))),
    ];
  });
}

/** Makes missing replicas at once, and the next replacement when none is under way. */
function fillSlots(view: ServiceView, slots: readonly Slot[], scope: ProjectScope): Action[] {
  const exclusive = isExclusive(view.spec);
  const open = slots.filter((slot) => slot.current === undefined);
  const empty = open.filter((slot) => slot.outdated.length === 0 && !(exclusive && slot.vacating));
  return [
    ...empty.map((slot) => creation(view, scope, slot.index)),
    ...replaceable(slots).flatMap((slot) =>
      exclusive
        ? slot.outdated.flatMap(({ replica }) => scope.departures.leave(replica, "replaced"))
        : [creation(view, scope, slot.index)],
    ),
  ];
}

/** The places whose outdated replica may be replaced now: one that may serve only when all other places are settled. */
function replaceable(slots: readonly Slot[]): Slot[] {
  const candidates = slots.filter((slot) => slot.current === undefined && slot.outdated.length > 0);
  const broken = candidates.filter((slot) => slot.outdated.every(isBroken));
  if (broken.length > 0) return broken;
  const busy = slots.some((slot) => (slot.current === undefined ? slot.outdated.length === 0 : !isSettled(slot.current)));
  return busy ? [] : candidates.slice(0, 1);
}

/** Known not to serve. One that is not reported may: after a restart of nats-server all nodes are silent for a moment. */
const isBroken = ({ condition, replica }: JudgedReplica): boolean =>
  condition.is === "failed" || replica.assignment.desired === "stopped";

function creation(view: ServiceView, scope: ProjectScope, index: number): Action {
  const assignment = newAssignment(view, scope, index);
  return {
    type: "create-assignment",
    key: instanceKey(assignment.node, assignment.instanceId),
    assignment,
    event: {
      type: "instance.assigned",
      source: CONTROLLER_SOURCE,
      subject: instanceSubject(assignment),
      project: assignment.project,
      data: { instanceId: assignment.instanceId, node: assignment.node, revision: view.revision, index },
    },
  };
}

function newAssignment(view: ServiceView, scope: ProjectScope, index: number): Assignment {
  const { desired, desiredKvRevision, node, now } = scope;
  const project = desired.spec.name;
  return {
    instanceId: instanceIdFor({ project, service: view.name, index, revision: view.revision, desiredKvRevision }),
    name: instanceName(project, view.spec, index),
    project,
    service: view.name,
    index,
    revision: view.revision,
    node,
    desired: "running",
    runSerial: 0,
    spec: view.spec,
    networks: pick(desired.spec.networks, networksOf(view.spec)),
    volumes: pick(desired.spec.volumes, volumesOf(view.spec)),
    createdAt: new Date(now).toISOString(),
    ...(desired.traceparent === undefined ? {} : { traceparent: desired.traceparent }),
  };
}
