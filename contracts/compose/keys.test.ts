import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMPOSE_KEYS } from "./keys.ts";
import { suggest } from "./suggest.ts";
import { composeDocs, DOCS_PATH } from "./write-docs.ts";

test("docs/compose.md says what the table says (node contracts/compose/write-docs.ts writes it)", () => {
  expect(readFileSync(DOCS_PATH, "utf8")).toBe(composeDocs());
});

test("every key stands in the table once, under a parent that is enforced", () => {
  const paths = COMPOSE_KEYS.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  const parents = paths
    .map((path) => path.split(".").slice(0, -1).join(".").replace(/\[\]$/, ""))
    .filter((parent) => parent !== "");
  const notEnforced = parents.filter((parent) => COMPOSE_KEYS.find((key) => key.path === parent)?.status !== "enforced");
  expect(notEnforced).toEqual([]);
});

test.each([
  ["comand", "command"],
  ["enviroment", "environment"],
  ["prots", "ports"],
  ["helthcheck", "healthcheck"],
])("%s was meant to be %s", (written, meant) => {
  const keys = COMPOSE_KEYS.flatMap(({ path }) => /^services\.\*\.([^.[]+)$/.exec(path)?.[1] ?? []);
  expect(suggest(written, keys)).toBe(meant);
});

test("a word that is near to nothing suggests nothing", () => {
  expect(suggest("zzzz", ["ports", "image"])).toBeUndefined();
});
