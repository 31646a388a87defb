import { getInstance, getLaunchReport, listInstances } from "../api/resources.ts";
import { formatLaunch } from "../output/launch-report.ts";
import { printJson } from "../output/table.ts";
import { projectAtHand } from "../project-of.ts";
import { findReference } from "../reference.ts";
import { defineVerb } from "../verb.ts";

export const inspect = defineVerb({
  name: "inspect",
  operands: "INSTANCE|SERVICE",
  minimumOperands: 1,
  maximumOperands: 1,
  summary: "print all that is known of an instance",
  flags: {
    plan: { type: "boolean", help: "the system calls that launched it, as strace prints them" },
    project: { type: "string", short: "p", value: "NAME", help: "the project that SERVICE is of" },
  },
  async run({ flags, operands, api, environment, terminal, signal, json }) {
    const all = await listInstances(api, { all: true }, signal);
    const { ref } = findReference(operands[0]!, all, await projectAtHand(flags.project, undefined, environment));
    if (!flags.plan) {
      printJson(terminal, [await getInstance(api, ref, signal)]);
      return;
    }
    const report = await getLaunchReport(api, ref, signal);
    if (json) printJson(terminal, report);
    else terminal.stdout.write(formatLaunch(report, terminal.colour));
  },
});
