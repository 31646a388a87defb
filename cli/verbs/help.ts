import { findVerb } from "../find-verb.ts";
import { generalHelp, groupHelp, verbHelp } from "../help-text.ts";
import { defineVerb, type Verb } from "../verb.ts";

/** `verbs` is asked late: this one is among them. */
export function helpVerb(verbs: () => readonly Verb[]): Verb {
  return defineVerb({
    name: "help",
    operands: "[VERB]",
    maximumOperands: 2,
    summary: "print how a verb is used",
    flags: {},
    async run({ operands, terminal }) {
      terminal.stdout.write(helpAbout(verbs(), operands));
    },
  });
}

function helpAbout(verbs: readonly Verb[], operands: readonly string[]): string {
  const [first] = operands;
  if (first === undefined) return generalHelp(verbs);
  const { verb } = findVerb(verbs, operands);
  return verb === undefined ? groupHelp(verbs, first) : verbHelp(verb);
}
