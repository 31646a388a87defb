import { nearest } from "./arguments/nearest.ts";
import { cliError } from "./errors.ts";
import type { Verb } from "./verb.ts";

/** The first words of verbs of two: `image`, `volume`, … */
export function groupsOf(verbs: readonly Verb[]): ReadonlySet<string> {
  return new Set(verbs.flatMap(({ name }) => (name.includes(" ") ? [name.split(" ")[0]!] : [])));
}

/** The verb that a command line names, and what follows it; only the rest for a group's name without a verb of it. */
export function findVerb(
  verbs: readonly Verb[],
  words: readonly string[],
): { verb: Verb | undefined; rest: readonly string[] } {
  const [first = "", second = ""] = words;
  const groups = groupsOf(verbs);
  const grouped = verbs.find(({ name }) => name === `${first} ${second}`);
  if (grouped !== undefined) return { verb: grouped, rest: words.slice(2) };
  const single = verbs.find(({ name }) => name === first);
  if (single !== undefined || groups.has(first)) return { verb: single, rest: words.slice(1) };
  const meant = nearest(first, [...verbs.map(({ name }) => name), ...groups]);
  throw cliError("SLIPWAY_CLI_USAGE", `slipway has no verb ${JSON.stringify(first)}`, {
    remedy: meant === undefined ? "`slipway help` lists the verbs." : `Did you mean \`slipway ${meant}\`?`,
  });
}
