import { defineVerb } from "../verb.ts";

export const volumeRm = defineVerb({
  name: "volume rm",
  operands: "NAME…",
  minimumOperands: 1,
  summary: "remove volumes that no instance uses, and their data",
  traced: "silently",
  flags: {},
  async run({ operands, api, signal, terminal }) {
    for (const name of operands) {
      await api.text({ method: "DELETE", path: ["volumes", name], signal });
      terminal.stdout.write(`${name}\n`);
    }
  },
});
