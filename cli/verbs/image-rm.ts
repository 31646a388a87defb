import { defineVerb } from "../verb.ts";

export const imageRm = defineVerb({
  name: "image rm",
  operands: "REFERENCE…",
  minimumOperands: 1,
  summary: "remove images that no instance uses",
  traced: "silently",
  flags: {},
  async run({ operands, api, signal, terminal }) {
    for (const reference of operands) {
      await api.text({ method: "DELETE", path: ["images"], query: { reference }, signal });
      terminal.stdout.write(`${reference}\n`);
    }
  },
});
