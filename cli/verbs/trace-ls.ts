import type { TraceSummary } from "#contracts/trace.ts";
import { listTraces } from "../api/resources.ts";
import { parseCount } from "../arguments/parse-count.ts";
import { parseSince } from "../arguments/parse-since.ts";
import { paint } from "../output/colour.ts";
import { formatAge, formatDuration } from "../output/quantity.ts";
import { type Column, printList } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const traceLs = defineVerb({
  name: "trace ls",
  summary: "list what was done, and how long it took",
  flags: {
    limit: { type: "string", short: "n", value: "N", help: "the last N (20)" },
    since: { type: "string", value: "TIME", help: "from then on: RFC 3339, or an age as in 10m" },
    project: { type: "string", short: "p", value: "NAME", help: "of this project only" },
    service: { type: "string", value: "NAME", help: "in which this service took part" },
  },
  async run({ flags, api, signal, terminal, json }) {
    const limit = parseCount(flags.limit, "-n");
    const query = { project: flags.project, service: flags.service, since: parseSince(flags.since) };
    const traces = await listTraces(api, { ...query, ...(limit === undefined ? {} : { limit }) }, signal);
    printList(terminal, json, traces, columns(terminal.colour, Date.now()));
  },
});

function columns(colour: boolean, now: number): Column<TraceSummary>[] {
  return [
    { title: "TRACE", value: ({ traceId }) => traceId.slice(0, 12) },
    { title: "WHAT", value: ({ name }) => name, flexible: true },
    { title: "PROJECT", value: ({ project }) => project ?? "-" },
    { title: "AGE", value: ({ startedAt }) => formatAge(startedAt, now) },
    { title: "TOOK", value: ({ durationNs }) => formatDuration(durationNs) },
    { title: "SPANS", value: ({ spans }) => String(spans) },
    { title: "ERRORS", value: ({ errors }) => (errors === 0 ? "-" : paint(colour, "red", String(errors))) },
  ];
}
