import { glob } from "node:fs/promises";

/** The tests that the kernel decides: launch, isolation, limits, network, volumes, and all else of a node. */
const NODE_TESTS = ["runtime-node/**/*.test.ts", "storage-driver/**/*.test.ts", "test/isolation/**/*.test.ts"];

/** The test files to run in the virtual machine, relative to the root; `filters` are parts of paths, as vitest takes them. */
export async function nodeTestFiles(root: string, filters: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(NODE_TESTS, { cwd: root })) files.push(file);
  const wanted = files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  return wanted.sort();
}
