import { flagsOf } from "../arguments/parse-flags.ts";
import { findVerb } from "../find-verb.ts";
import type { FlagDefinition, FlagTable, Verb } from "../verb.ts";
import { loadAll, VERBS } from "../verbs.ts";
import { type CandidateKind, flagKinds, operandKinds } from "./operand-kinds.ts";

export interface Candidate {
  value: string;
  description: string;
}
/** What the shell is to offer. */
export interface Offer {
  candidates: Candidate[];
  /** Names of these kinds as well. */
  kinds: CandidateKind[];
  /** What stands before a value in the same word: `--project=`. */
  prefix: string;
}

const offer = (candidates: Candidate[], kinds: CandidateKind[] = [], prefix = ""): Offer => ({ candidates, kinds, prefix });
const NOTHING = offer([]);

/** What may follow on a command line: `words` are those after `slipway`, the last one is the one being typed (empty for a new one). */
export async function offerFor(words: readonly string[]): Promise<Offer> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const [first] = before;
  const verbs = VERBS.filter(({ hidden }) => hidden !== true);
  if (first === undefined) return offer(await verbNames(0));
  const isGroup = verbs.some(({ name }) => name.startsWith(`${first} `));
  if (isGroup && before.length === 1) return offer(await verbNames(1, first));
  try {
    const { verb, rest } = findVerb(verbs, before);
    return verb === undefined ? NOTHING : offerInVerb(await verb.load(), rest, current);
  } catch {
    // No verb of ours: nothing to offer, and a Tab is no place for an error.
    return NOTHING;
  }
}

/** First words of verbs, or the second words of a group. */
async function verbNames(at: 0 | 1, group?: string): Promise<Candidate[]> {
  const found = new Map<string, string>();
  for (const { name, summary } of await loadAll()) {
    const [first = "", second] = name.split(" ");
    if (at === 1 && first !== group) continue;
    if (at === 0 && second !== undefined) found.set(first, found.get(first) ?? `${first} verbs`);
    else found.set(at === 0 ? first : second!, summary);
  }
  return [...found].map(([value, description]) => ({ value, description }));
}

function offerInVerb(verb: Verb, rest: readonly string[], current: string): Offer {
  const table = flagsOf(verb);
  const place = placeAfter(verb, table, rest);
  if (place.type === "value") return valueOffer(place.name, place.flag);
  if (place.type === "operand" && place.flagsMayFollow && current.startsWith("-")) {
    const [written, value] = current.split("=", 2) as [string, string?];
    if (value === undefined) return offer(flagNames(table));
    const name = written.slice(2);
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    return flag === undefined ? NOTHING : { ...valueOffer(name, flag), prefix: `${written}=` };
  }
  return offer([], operandKinds(verb, place.index));
}

type Place =
  | { type: "value"; name: string; flag: FlagDefinition; index: number }
  | { type: "operand"; index: number; flagsMayFollow: boolean };

/** Where the words before leave the one being typed. */
function placeAfter(verb: Verb, table: FlagTable, words: readonly string[]): Place {
  let operands = 0;
  let awaiting: { name: string; flag: FlagDefinition } | undefined;
  let flagsMayFollow = true;
  for (const word of words) {
    if (awaiting !== undefined) awaiting = undefined;
    else if (flagsMayFollow && word === "--") flagsMayFollow = false;
    else if (flagsMayFollow && word.startsWith("-") && word !== "-") awaiting = takesNext(table, word);
    else {
      operands += 1;
      if (verb.stopAtOperand === true) flagsMayFollow = false;
    }
  }
  if (awaiting !== undefined) return { type: "value", ...awaiting, index: operands };
  return { type: "operand", index: operands, flagsMayFollow };
}

/** The flag whose value is the next word: `--project` or the last letter of `-ap`. */
function takesNext(table: FlagTable, word: string): { name: string; flag: FlagDefinition } | undefined {
  if (word.includes("=")) return undefined;
  const found = Object.entries(table).find(([name, { short }]) =>
    word.startsWith("--") ? word === `--${name}` : short === word.at(-1),
  );
  return found?.[1].type === "string" ? { name: found[0], flag: found[1] } : undefined;
}

function valueOffer(name: string, flag: FlagDefinition): Offer {
  if (flag.value === "json") return offer([{ value: "json", description: flag.help }]);
  return offer([], flagKinds(name, flag.value));
}

function flagNames(table: FlagTable): Candidate[] {
  return Object.entries(table).map(([name, { help }]) => ({ value: `--${name}`, description: help }));
}
