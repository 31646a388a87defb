import { glob } from "node:fs/promises";

const NOT_SOURCE = new Set(["node_modules", ".slipway", "dist", ".git"]);

/** Every module of ours below a root, as paths relative to it, sorted. */
export async function sourceFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("**/*.{ts,mjs}", { cwd: root, exclude: (name) => NOT_SOURCE.has(name) })) files.push(file);
  return files.sort();
}
