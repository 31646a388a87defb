import type { ObservedInstance } from "#contracts/instance.ts";
import { listInstances } from "../api/resources.ts";
import { paint } from "../output/colour.ts";
import { formatAge } from "../output/quantity.ts";
import { type Column, printList } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const ps = defineVerb({
  name: "ps",
  summary: "list instances",
  flags: {
    all: { type: "boolean", short: "a", help: "those that do not run, too" },
    project: { type: "string", short: "p", value: "NAME", help: "of this project only" },
    quiet: { type: "boolean", short: "q", help: "ids only" },
  },
  async run({ flags, api, signal, terminal, json }) {
    const instances = await listInstances(api, { project: flags.project, all: flags.all }, signal);
    const sorted = instances.toSorted(
      (a, b) => compare(a.project, b.project) || compare(a.service, b.service) || a.index - b.index,
    );
    if (flags.quiet && !json) terminal.stdout.write(sorted.map(({ instanceId }) => `${instanceId}\n`).join(""));
    else printList(terminal, json, sorted, columns(terminal.colour, Date.now()), toListing);
  },
});

/** Names are ASCII: a language's order (localeCompare) loads its tables, which takes longer than the command. */
function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The stable shape of `ps -o json`. `pid` is the host's. */
function toListing({ instanceId, ...instance }: ObservedInstance): object {
  return { id: instanceId, ...instance };
}

function columns(colour: boolean, now: number): Column<ObservedInstance>[] {
  return [
    { title: "ID", value: ({ instanceId }) => instanceId },
    { title: "NAME", value: ({ name }) => name },
    { title: "IMAGE", value: ({ image }) => image, flexible: true },
    { title: "STATE", value: (instance) => describeState(instance, colour) },
    { title: "HEALTH", value: ({ health }) => (health === "none" ? "-" : paint(colour, HEALTH_STYLES[health], health)) },
    {
      title: "UP",
      value: ({ state, startedAt }) => (["running", "paused"].includes(state) ? formatAge(startedAt, now) : "-"),
    },
    { title: "IP", value: ({ ip }) => ip ?? "-" },
    { title: "PORTS", value: describePorts, flexible: true },
  ];
}

const HEALTH_STYLES = { healthy: "green", unhealthy: "red", starting: "yellow", none: "dim" } as const;

function describeState({ state, exitCode, oomKilled, restarts }: ObservedInstance, colour: boolean): string {
  const why = oomKilled ? "out of memory" : exitCode === null ? undefined : String(exitCode);
  const ended = state === "exited" || state === "restarting" || state === "failed";
  const text = `${state}${ended && why !== undefined ? ` (${why})` : ""}${restarts > 0 ? ` ↻${restarts}` : ""}`;
  return paint(colour, state === "running" ? "green" : state === "failed" ? "red" : "yellow", text);
}

function describePorts({ ports }: ObservedInstance): string {
  return (
    ports
      .map(({ hostIp, hostPort, containerPort, protocol }) => `${hostIp}:${hostPort}→${containerPort}/${protocol}`)
      .join(", ") || "-"
  );
}
