import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeTestFiles } from "./files.ts";

const ROOT = join(import.meta.dirname, "../..");

test("the virtual machine runs the tests of a node, and of nothing above it", async () => {
  const files = await nodeTestFiles(ROOT, []);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => /^(gateway|services|cli|messaging|infra)\//.test(file))).toEqual([]);
});

test("a filter narrows the tests as it does for vitest", async () => {
  const files = await nodeTestFiles(ROOT, ["seccomp"]);
  expect(files.length).toBeGreaterThan(0);
  expect(files.every((file) => file.includes("seccomp"))).toBe(true);
  expect(await nodeTestFiles(ROOT, ["no-such-test"])).toEqual([]);
});
