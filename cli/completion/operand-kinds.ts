/** What may stand at a place of the command line; `files` is left to the shell. */
export type CandidateKind =
  | "instances"
  | "services"
  | "images"
  | "volumes"
  | "networks"
  | "projects"
  | "verbs"
  | "shells"
  | "traces"
  | "files";

/** The words of usage lines, such as `INSTANCE|SERVICE COMMAND…`. */
const KIND_OF_WORD: Readonly<Record<string, CandidateKind>> = {
  INSTANCE: "instances",
  SERVICE: "services",
  IMAGE: "images",
  REFERENCE: "images",
  VERB: "verbs",
  SHELL: "shells",
  TRACE: "traces",
  PATH: "files",
  FILE: "files",
  DIR: "files",
};
/** A NAME is of what its verb or flag is about. */
const KIND_OF_SUBJECT: Readonly<Record<string, CandidateKind>> = {
  volume: "volumes",
  network: "networks",
  project: "projects",
};

/** What completes the operand at `index` (from 0) of a verb, as its usage says. */
export function operandKinds(verb: { name: string; operands?: string }, index: number): CandidateKind[] {
  const places = (verb.operands ?? "").split(" ").filter((place) => place !== "");
  const last = places.at(-1);
  const place = places[index] ?? (last?.includes("…") === true ? last : undefined);
  return place === undefined ? [] : kindsOf(place, verb.name.split(" ")[0]!);
}

/** What completes a flag's value. */
export function flagKinds(name: string, value: string | undefined): CandidateKind[] {
  return kindsOf(value ?? "", name);
}

function kindsOf(words: string, subject: string): CandidateKind[] {
  return words
    .replaceAll(/[[\]…]/g, "")
    .split("|")
    .flatMap((word) => (word === "NAME" ? KIND_OF_SUBJECT[subject] : KIND_OF_WORD[word]) ?? []);
}
