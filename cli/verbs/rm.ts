import { listInstances, removeInstance } from "../api/resources.ts";
import { projectAtHand } from "../project-of.ts";
import { findReference } from "../reference.ts";
import { defineVerb } from "../verb.ts";

export const rm = defineVerb({
  name: "rm",
  operands: "INSTANCE…",
  minimumOperands: 1,
  summary: "remove instances of `slipway run` that have ended",
  traced: "told",
  flags: {
    force: { type: "boolean", short: "f", help: "stop those that run" },
  },
  async run({ flags, operands, api, environment, terminal, signal }) {
    const all = await listInstances(api, { all: true }, signal);
    const project = await projectAtHand(undefined, undefined, environment);
    const references = operands.map((name) => ({ name, ...findReference(name, all, project) }));
    for (const { name, instances } of references) {
      await Promise.all(instances.map(({ instanceId }) => removeInstance(api, instanceId, flags.force, signal)));
      terminal.stdout.write(`${name}\n`);
    }
  },
});
