import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeUnfinished, writeFileAtomically } from "./durable-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-durable-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("what a killed process had on its way to a name goes, and nothing else", async () => {
  const path = join(folder, "routes.json");
  await writeFileAtomically(path, "[]", 0o600);
  const others = ["other.json.0123456789ab.tmp", "routes.json.tmp", "routes.json.new"];
  for (const name of [...others, "routes.json.0123456789ab.tmp"]) await writeFile(join(folder, name), "half");
  await removeUnfinished(path);
  expect((await readdir(folder)).toSorted()).toEqual([...others, "routes.json"].toSorted());
  expect(await readFile(path, "utf8")).toBe("[]");
});
