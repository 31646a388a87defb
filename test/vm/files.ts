import { glob } from "node:fs/promises";
import type { KernelSeries } from "./kernel-package.ts";

/** The tests that the kernel decides: launch, isolation, limits, network, volumes, and all else of a node. */
const NODE_TESTS = [
  "runtime-node/**/*.test.ts",
  "storage-driver/**/*.test.ts",
  "test/isolation/**/*.test.ts",
  "test/escape/**/*.test.ts",
];

/** Those of them that ask something of the kernel that newer ones answer differently. */
const KERNEL_TESTS = [
  "runtime-node/{agent,cgroup,container,kernel,network}/**/*.test.ts",
  "storage-driver/**/*.test.ts",
  "test/isolation/**/*.test.ts",
  "test/escape/**/*.test.ts",
];

/** On the oldest kernel all of a node's tests; on newer ones what they may do otherwise. */
const TESTS: Record<KernelSeries, readonly string[]> = { "6.1": NODE_TESTS, "6.12": KERNEL_TESTS };

/** The test files to run on a kernel, relative to the root; `filters` are parts of paths, as vitest takes them. */
export async function nodeTestFiles(root: string, series: KernelSeries, filters: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(TESTS[series], { cwd: root })) files.push(file);
  const wanted = files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  return wanted.sort();
}
