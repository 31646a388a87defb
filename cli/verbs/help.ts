import { findVerb } from "../find-verb.ts";
import { generalHelp, groupHelp, verbHelp } from "../help-text.ts";
import { defineVerb } from "../verb.ts";
import { loadAll, VERBS } from "../verbs.ts";

export const help = defineVerb({
  name: "help",
  operands: "[VERB]",
  maximumOperands: 2,
  summary: "print how a verb is used",
  flags: {},
  async run({ operands, terminal }) {
    terminal.stdout.write(await helpAbout(operands));
  },
});

async function helpAbout(operands: readonly string[]): Promise<string> {
  const [first] = operands;
  if (first === undefined) return generalHelp(await loadAll());
  const { verb } = findVerb(VERBS, operands);
  return verb === undefined ? groupHelp(await loadAll(), first) : verbHelp(await verb.load());
}
