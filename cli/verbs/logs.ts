import type { ObservedInstance } from "#contracts/instance.ts";
import type { LogRecord } from "#contracts/api.ts";
import { listInstances } from "../api/resources.ts";
import { cliError } from "../errors.ts";
import { JsonArrayWriter } from "../output/json-array.ts";
import { LogPrinter } from "../output/log-printer.ts";
import { projectAtHand } from "../project-of.ts";
import { findReference, type Reference } from "../reference.ts";
import { parseSince } from "../arguments/parse-since.ts";
import { defineVerb } from "../verb.ts";

export const logs = defineVerb({
  name: "logs",
  operands: "[SERVICE|INSTANCE]…",
  summary: "print what containers wrote to stdout and stderr",
  flags: {
    follow: { type: "boolean", short: "f", help: "go on with what they write" },
    timestamps: { type: "boolean", short: "t", help: "print each line's time" },
    tail: { type: "string", short: "n", value: "N", help: "the last N lines of each instance" },
    since: { type: "string", value: "TIME", help: "only lines from then on: RFC 3339, or an age as in 10m" },
    project: { type: "string", short: "p", value: "NAME", help: "of this project (that of the Compose file here)" },
    "no-prefix": { type: "boolean", help: "print the lines alone" },
  },
  async run({ flags, operands, api, environment, signal, terminal, json }) {
    const project = await projectAtHand(flags.project, undefined, environment);
    const all = await listInstances(api, { all: true }, signal);
    const references = operands.map((name) => findReference(name, all, project));
    const query = {
      ...target(references, project, all),
      follow: flags.follow,
      tail: parseTail(flags.tail),
      since: parseSince(flags.since),
    };
    const wanted = new Set(
      references.flatMap(({ instances }) => instances.flatMap(({ instanceId, name }) => [instanceId, name])),
    );
    const names = flags["no-prefix"] ? [] : namesOf(references, project, all);
    const printer = json
      ? new JsonArrayWriter(terminal, flags.follow)
      : new LogPrinter(terminal, { times: flags.timestamps, names });
    for await (const record of api.lines<LogRecord>({ path: ["logs"], query, signal })) {
      // A service's new replicas come in as they are made; an instance that was named is that one alone.
      const byService = references.some(({ ref }) => ref === `${record.project}/${record.service}`);
      if (references.length === 0 || byService || wanted.has(record.instance)) await printer.print(record);
    }
    if (printer instanceof JsonArrayWriter) printer.end();
    signal.throwIfAborted();
  },
});

function target(
  references: readonly Reference[],
  project: string | undefined,
  all: readonly ObservedInstance[],
): { project?: string; service?: string[] } {
  const instances = references.flatMap((reference) => reference.instances);
  const projects = new Set(
    references.length > 0 ? instances.map((instance) => instance.project) : project === undefined ? [] : [project],
  );
  if (references.length === 0 && project !== undefined && !all.some((instance) => instance.project === project))
    return { project };
  const services = [...new Set(instances.map(({ service }) => service))];
  return {
    ...(projects.size === 1 ? { project: [...projects][0]! } : {}),
    ...(services.length > 0 ? { service: services } : {}),
  };
}

function namesOf(
  references: readonly Reference[],
  project: string | undefined,
  all: readonly ObservedInstance[],
): string[] {
  const shown =
    references.length > 0
      ? references.flatMap(({ instances }) => instances)
      : all.filter((instance) => project === undefined || instance.project === project);
  return shown.length === 0 ? [""] : shown.map(({ service }) => service);
}

function parseTail(text: string | undefined): number | undefined {
  if (text === undefined || text === "all") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw cliError("SLIPWAY_CLI_USAGE", `-n takes a number of lines or "all", not ${JSON.stringify(text)}`);
}
