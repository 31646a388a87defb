import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";

/** The tests that a document's tables name, as `[file](../file): title`. */
async function namedTests(document: string): Promise<{ file: string; title: string }[]> {
  const text = await readFile(join(PACKAGE_ROOT, document), "utf8");
  return [...text.matchAll(/\[[^\]]+\]\(\.\.\/([^)]+\.ts)\): ([^|\n]+?) \|/g)].map(([, file = "", title = ""]) => ({
    file,
    title,
  }));
}

test.each([
  ["docs/security.md", 30],
  ["docs/failure-model.md", 25],
])("every test that %s names is there", async (document, least) => {
  const named = await namedTests(document);
  expect(named.length).toBeGreaterThan(least);
  const missing = await Promise.all(
    named.map(async ({ file, title }) => {
      const source = await readFile(join(PACKAGE_ROOT, file), "utf8").catch(() => "");
      return source.includes(title) ? [] : [`${file}: ${title}`];
    }),
  );
  expect(missing.flat()).toEqual([]);
});
