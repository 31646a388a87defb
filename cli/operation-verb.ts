import { type InstanceOperation, listInstances, operateInstance } from "./api/resources.ts";
import { printJson } from "./output/table.ts";
import { projectAtHand } from "./project-of.ts";
import { findReference } from "./reference.ts";
import { defineVerb, type Verb } from "./verb.ts";

/** `stop`, `start`, `restart`, `pause` and `unpause`: one operation on each of the instances and services that are named. */
export function operationVerb(operation: InstanceOperation, summary: string): Verb {
  return defineVerb({
    name: operation,
    operands: "INSTANCE|SERVICE…",
    minimumOperands: 1,
    summary,
    traced: "told",
    flags: { project: { type: "string", short: "p", value: "NAME", help: "the project that SERVICE is of" } },
    async run({ flags, operands, api, environment, terminal, signal, json }) {
      const all = await listInstances(api, { all: true }, signal);
      const project = await projectAtHand(flags.project, undefined, environment);
      const instances = operands.flatMap((name) => findReference(name, all, project).instances);
      const observed = await Promise.all(
        instances.map(({ instanceId }) => operateInstance(api, instanceId, operation, signal)),
      );
      if (json) printJson(terminal, observed);
      else terminal.stdout.write(operands.map((name) => `${name}\n`).join(""));
    },
  });
}
