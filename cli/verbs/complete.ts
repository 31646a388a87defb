import { offerFor } from "../completion/candidates.ts";
import { namesOf } from "../completion/names.ts";
import { defineVerb } from "../verb.ts";

/** A person waits at a Tab. */
const LONGEST_WAIT_MS = 1_000;

/** For the completion scripts: a candidate and its description a line, with a tab between; `:files` where the shell adds its files. */
export const complete = defineVerb({
  name: "__complete",
  operands: "[WORD]…",
  summary: "print what may follow on a command line",
  flags: {},
  async run({ operands, api, terminal, signal }) {
    const { candidates, kinds, prefix } = await offerFor(operands);
    const names = await namesOf(kinds, api, AbortSignal.any([signal, AbortSignal.timeout(LONGEST_WAIT_MS)]));
    const typed = operands.at(-1) ?? "";
    const lines = [...candidates, ...names].map(({ value, description }) => `${prefix}${value}\t${description}\n`);
    terminal.stdout.write(lines.filter((line) => line.startsWith(typed)).join(""));
    if (kinds.includes("files")) terminal.stdout.write(":files\n");
  },
});
