import { expect, test } from "vitest";
import { EnvFileFailure, parseEnvFile, parseRawEnvFile } from "./env-file.ts";

const shell: Record<string, string> = { FROM_SHELL: "s" };
const read = (text: string): Record<string, string> => Object.fromEntries(parseEnvFile(text, (name) => shell[name]));

test.each([
  ["A=1\nB=2", { A: "1", B: "2" }],
  ["\uFEFFA=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["# note\n\n  # more\nA=1", { A: "1" }],
  ["export A=1", { A: "1" }],
  ["A: 1", { A: "1" }],
  ["A = 1", { A: "1" }],
  ["A=a b  ", { A: "a b" }],
  ["A=a#b", { A: "a#b" }],
  ["A=a #b", { A: "a" }],
  ["A= # nothing", { A: "" }],
  ["A=", { A: "" }],
  ["A=\nB=2", { A: "", B: "2" }],
  ["A='$FROM_SHELL # x'", { A: "$FROM_SHELL # x" }],
  ['A="a\\nb\\t\\"c\\""', { A: 'a\nb\t"c"' }],
  ['A="two\nlines" # note\nB=2', { A: "two\nlines", B: "2" }],
  ["A='two\nlines'\nB=2", { A: "two\nlines", B: "2" }],
  ["A=1\nB=${A}-$FROM_SHELL-${GONE:-x}", { A: "1", B: "1-s-x" }],
  ["FROM_SHELL=file\nB=$FROM_SHELL", { FROM_SHELL: "file", B: "s" }],
  ["FROM_SHELL\nGONE\nB=1", { FROM_SHELL: "s", B: "1" }],
  ['A="\\$HOME"', { A: "$HOME" }],
  ["A=5$", { A: "5$" }],
  ["A.b-c=1", { "A.b-c": "1" }],
])("%j is read", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  ["A=1\nnot a variable", 2],
  ["A=1\n\nB='open\nmore", 3],
  ["A='x' y", 1],
  ["1A=x", 1],
  ["A=${B:?needed}", 1],
  ["A=1\nB=${A", 2],
])("%j fails at line %i", (text, line) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ line }));
  expect(() => read(text)).toThrow(EnvFileFailure);
});

test("raw lines keep quotes and dollars", () => {
  expect([...parseRawEnvFile("A='$B' # c\n# note\n\nB=\"x\"")]).toEqual([
    ["A", "'$B' # c"],
    ["B", '"x"'],
  ]);
});
