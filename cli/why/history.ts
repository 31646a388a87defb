import { byWhom } from "./by-whom.ts";
import { exitReason } from "./exit-reason.ts";
import type { Happening, InstanceEvents } from "./instance-events.ts";
import { formatMoment } from "./times.ts";

const ACTION_WORDS: Readonly<Record<string, string>> = {
  create: "which added the service",
  replace: "which changed the service: this instance replaced one of the former revision",
  scale: "which changed the number of its replicas",
  keep: "which left the service as it was",
};

/** What led to where an instance is: who asked for it, and how its earlier runs ended. */
export function tellHistory(events: InstanceEvents, now: number): string[] {
  return [...tellOrigin(events, now), ...tellEarlierRuns(events, now), ...tellNode(events, now)];
}

function tellOrigin({ service, project, own, around }: InstanceEvents, now: number): string[] {
  const assigned = own.findLast(({ type }) => type === "instance.assigned");
  if (assigned === undefined) return [];
  const applied = around.findLast(({ type, time }) => type === "project.applied" && time <= assigned.time);
  const { revision } = assigned.data;
  const shown = typeof revision === "string" ? `, in revision ${revision.slice(0, 8)}` : "";
  const what = `It was asked for at ${formatMoment(assigned.time, now)}${shown}`;
  if (applied === undefined) return [`${what}.`];
  const changes = (applied.data["changes"] ?? []) as { service: string; action: string }[];
  const action = changes.find((change) => change.service === service)?.action ?? "keep";
  const generation = Number(applied.data["generation"]);
  return [
    `${what}, for project ${project} was applied${byWhom(applied)} (generation ${generation}), ${ACTION_WORDS[action] ?? action}.`,
  ];
}

/** The runs before the last one, those that ended alike in one sentence. */
function tellEarlierRuns({ own }: InstanceEvents, now: number): string[] {
  const exits = own.filter(({ type }) => type === "instance.exited");
  const last = own.findLast(({ type }) => type === "instance.started" || type === "instance.exited");
  // While it waits to be started again, or stays down, the last end is told already.
  const earlier = last?.type === "instance.exited" ? exits.slice(0, -1) : exits;
  const groups = Map.groupBy(earlier, (exit) => exitReason(exit, own.slice(0, own.indexOf(exit))));
  return [...groups].map(([reason, runs]) => {
    const newest = formatMoment(runs.at(-1)!.time, now);
    return runs.length === 1
      ? `An earlier run of it ended at ${newest}, ${reason}.`
      : `${runs.length} earlier runs of it ended ${reason}, the last at ${newest}.`;
  });
}

function tellNode({ own, around }: InstanceEvents, now: number): string[] {
  const node = own.findLast(({ type }) => type === "instance.assigned")?.data["node"];
  const newest = around.findLast((event: Happening) => event.type.startsWith("node.") && event.subject === node);
  if (newest?.type !== "node.stopped") return [];
  return [
    `Its node ${newest.subject} is away since ${formatMoment(newest.time, now)}: what happened since is not known here.`,
  ];
}
