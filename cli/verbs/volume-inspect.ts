import { getVolume } from "../api/resources.ts";
import { printJson } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const volumeInspect = defineVerb({
  name: "volume inspect",
  operands: "NAME…",
  minimumOperands: 1,
  summary: "print all that is known of volumes",
  flags: {},
  async run({ operands, api, signal, terminal }) {
    printJson(terminal, await Promise.all(operands.map((name) => getVolume(api, name, signal))));
  },
});
