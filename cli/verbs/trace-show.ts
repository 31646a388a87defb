import { getTrace } from "../api/resources.ts";
import { printJson } from "../output/table.ts";
import { formatWaterfall } from "../output/waterfall.ts";
import { defineVerb } from "../verb.ts";

const WIDTH_OF_A_PIPE = 140;

export const traceShow = defineVerb({
  name: "trace show",
  operands: "TRACE",
  minimumOperands: 1,
  maximumOperands: 1,
  summary: "print a trace as a waterfall: what was done, by whom, when and for how long",
  details:
    "TRACE is an id, or its beginning. A step of a launch is one system call; short ones are summed up without --steps.",
  flags: {
    steps: { type: "boolean", help: "every step of a launch" },
    brief: { type: "boolean", help: "spans alone, no steps" },
  },
  async run({ flags, operands: [id], api, signal, terminal, json }) {
    const trace = await getTrace(api, id!, signal);
    if (json) return printJson(terminal, trace);
    const steps = flags.steps ? "all" : flags.brief ? "none" : "long";
    const width = terminal.stdout.isTTY === true ? terminal.stdout.columns || WIDTH_OF_A_PIPE : WIDTH_OF_A_PIPE;
    terminal.stdout.write(formatWaterfall(trace, { width, colour: terminal.colour, steps }));
  },
});
