import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LIMIT_MS, runs, SEED } from "#test/fuzz/check.ts";
import { parse } from "../parse.ts";
import { ProjectSpec } from "../project-spec.ts";
import { ComposeFileError } from "./errors.ts";
import { parseComposeFile } from "./parse-compose-file.ts";

const ROUNDS = 300;
const directory = new URL("fixtures/everything/", import.meta.url).pathname;
const seed = readFileSync(`${directory}compose.yaml`, "utf8");
const pieces = [
  "${",
  "}",
  "$",
  "*a",
  "&a ",
  "<<: ",
  "[",
  "]",
  "{",
  ": ",
  "- ",
  "\n",
  "  ",
  "!x ",
  "'",
  '"',
  "|",
  "null",
  "-1",
  "x-",
  "#",
  "\t",
  "\0",
  "../",
  "? ",
  "---\n",
  "1e309",
];

test(
  "whatever is done to a file, it is read, or refused with a place",
  () => {
    const random = generator(SEED);
    const surprises: unknown[] = [];
    for (let round = 0; round < runs(ROUNDS); round++) {
      const text = mutate(seed, random);
      try {
        parse(ProjectSpec, parseComposeFile({ text, directory, environment: { TAG: "1" } }), "project");
      } catch (error) {
        const placed = error instanceof ComposeFileError && error.errors.every(({ place }) => (place?.line ?? 0) >= 1);
        if (!placed) surprises.push({ text, error });
      }
    }
    expect(surprises).toEqual([]);
  },
  LIMIT_MS,
);

function mutate(text: string, random: (below: number) => number): string {
  let result = text;
  for (let count = 1 + random(5); count > 0; count--) {
    const at = random(result.length);
    const piece = pieces[random(pieces.length)]!;
    const ways = [
      () => result.slice(0, at) + piece + result.slice(at),
      () => result.slice(0, at) + result.slice(at + 1 + random(30)),
      () => result.slice(0, at) + result.slice(random(result.length)).slice(0, 200) + result.slice(at),
    ];
    result = ways[random(ways.length)]!();
  }
  return result;
}

/** A linear congruential generator: the same files in every run. */
function generator(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
