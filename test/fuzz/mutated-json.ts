import fc from "fast-check";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values that a parser did not expect at that place. */
const surprise: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    Number.MAX_SAFE_INTEGER,
    "",
    "\0",
    "../../etc",
    "__proto__",
    "x".repeat(70_000),
    "sha256:0",
    "\u{1F600}\uD800",
    [],
    {},
    [[[[]]]],
  ),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);
const change = fc.record({
  /** Which of the document's places, counted through. */
  at: fc.nat(10_000),
  how: fc.constantFrom("tweak", "tweak", "tweak", "replace", "remove", "rename", "repeat"),
  value: surprise,
  /** In place of text, and of a number: of the right type, so that it comes further than the schema. */
  text: fc.constantFrom(
    "",
    "a",
    "A.b",
    "*.test",
    "/",
    "/../x",
    "a:b",
    "0",
    "-",
    ">",
    "10.0.0.1",
    "é",
    "x".repeat(64),
    " a",
    "a\nb",
    "${A}",
  ),
  number: fc.constantFrom(0, 1, -1, 65_535, 65_536, 2 ** 31, 0.5),
  name: fc.constantFrom("x-unknown", "__proto__", "constructor", "", "a.b", "é".repeat(200)),
});

/** A document with one to three of its places tweaked, replaced, removed, renamed or repeated. */
export function mutatedJson(document: unknown): fc.Arbitrary<Json> {
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    let mutated = structuredClone(document) as Json;
    // A value of its own each time: a later change may be made within it.
    for (const each of changes) mutated = apply(mutated, { ...each, value: structuredClone(each.value) });
    return mutated;
  });
}

type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;
type Holder = { [key: string]: Json } | Json[];

function apply(document: Json, mutation: Change): Json {
  const places = placesIn(document);
  const place = places[mutation.at % (places.length + 1)];
  if (place === undefined) return mutation.value;
  const { holder, key } = place;
  const { how, name } = mutation;
  const value = how === "tweak" ? tweaked((holder as { [key: string]: Json })[key]!, mutation) : mutation.value;
  if (Array.isArray(holder)) {
    const index = Number(key);
    if (how === "remove") holder.splice(index, 1);
    else if (how === "repeat") holder.push(...Array.from({ length: 3 }, () => structuredClone(holder[index]!)));
    else holder[index] = value;
    return document;
  }
  const former = holder[key]!;
  if (how !== "repeat") delete holder[key];
  if (how === "replace" || how === "tweak") define(holder, key, value);
  else if (how !== "remove") define(holder, name, former);
  return document;
}

function tweaked(value: Json, { text, number }: Change): Json {
  if (typeof value === "string") return text;
  if (typeof value === "number") return number;
  return typeof value === "boolean" ? !value : value;
}

/** As JSON.parse does: `__proto__` is a key like any other. */
function define(holder: { [key: string]: Json }, key: string, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function placesIn(value: Json): { holder: Holder; key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ holder: value, key }, ...placesIn(inner)]);
}
