import { nearest } from "./arguments/nearest.ts";
import { cliError } from "./errors.ts";
import type { VerbEntry } from "./verbs.ts";

/** The first words of verbs of two: `image`, `volume`, … */
function groupsOf(verbs: readonly VerbEntry[]): ReadonlySet<string> {
  return new Set(verbs.flatMap(({ name }) => (name.includes(" ") ? [name.split(" ")[0]!] : [])));
}

/** The verb that a command line names, and what follows it; only the rest for a group's name without a verb of it. */
export function findVerb(
  verbs: readonly VerbEntry[],
  words: readonly string[],
): { verb: VerbEntry | undefined; rest: readonly string[] } {
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
