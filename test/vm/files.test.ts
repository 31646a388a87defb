import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeTestFiles } from "./files.ts";

const ROOT = join(import.meta.dirname, "../..");

test("the virtual machine runs the tests of a node, and of nothing above it", async () => {
  const files = await nodeTestFiles(ROOT, "6.1", []);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => /^(gateway|services|cli|messaging|infra)\//.test(file))).toEqual([]);
});

test("a newer kernel runs those that it may answer differently, isolation and cgroups among them", async () => {
  const all = await nodeTestFiles(ROOT, "6.1", []);
  const files = await nodeTestFiles(ROOT, "6.12", []);
  expect(files.filter((file) => !all.includes(file))).toEqual([]);
  for (const folder of ["test/isolation/", "runtime-node/cgroup/", "runtime-node/network/", "storage-driver/"])
    expect(files.some((file) => file.startsWith(folder))).toBe(true);
  expect(files.length).toBeLessThan(all.length);
});

test("a filter narrows the tests as it does for vitest", async () => {
  const files = await nodeTestFiles(ROOT, "6.1", ["seccomp"]);
  expect(files.length).toBeGreaterThan(0);
  expect(files.every((file) => file.includes("seccomp"))).toBe(true);
  expect(await nodeTestFiles(ROOT, "6.1", ["no-such-test"])).toEqual([]);
});
