import { getNetwork } from "../api/resources.ts";
import { printJson } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const networkInspect = defineVerb({
  name: "network inspect",
  operands: "NAME…",
  minimumOperands: 1,
  summary: "print all that is known of networks",
  flags: {},
  async run({ operands, api, signal, terminal }) {
    printJson(terminal, await Promise.all(operands.map((name) => getNetwork(api, name, signal))));
  },
});
