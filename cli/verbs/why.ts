import type { RecordedEvent } from "#contracts/event.ts";
import { cliError } from "../errors.ts";
import { printJson } from "../output/table.ts";
import { projectAtHand } from "../project-of.ts";
import { defineVerb } from "../verb.ts";
import { tellHistory } from "../why/history.ts";
import { instancesNamed } from "../why/instance-events.ts";
import { tellPresent } from "../why/present.ts";

export const why = defineVerb({
  name: "why",
  operands: "INSTANCE|SERVICE",
  minimumOperands: 1,
  maximumOperands: 1,
  summary: "say why an instance is in its state",
  details: "In sentences, from the events alone: also for instances that are gone, as long as events are kept.",
  flags: { project: { type: "string", short: "p", value: "NAME", help: "the project that SERVICE is of" } },
  async run({ flags, operands: [name], api, environment, signal, terminal, json }) {
    const project = await projectAtHand(flags.project, undefined, environment);
    const recorded: RecordedEvent[] = [];
    for await (const event of api.lines<RecordedEvent>({ path: ["events"], signal })) recorded.push(event);
    signal.throwIfAborted();
    const found = instancesNamed(name!, project, recorded);
    if (found.length === 0)
      throw cliError("SLIPWAY_CLI_NOT_FOUND", `no event tells of an instance or service called ${JSON.stringify(name)}`);
    const now = Date.now();
    const told = found.map((each) => ({
      instance: each.name,
      project: each.project,
      service: each.service,
      sentences: [...tellPresent(each, now), ...tellHistory(each, now)],
    }));
    if (json) printJson(terminal, told);
    else terminal.stdout.write(told.map(({ sentences }) => sentences.map((each) => `${each}\n`).join("")).join("\n"));
  },
});
