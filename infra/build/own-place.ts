import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The one module that may ask where it stands: it knows what a bundle changes. */
const MAY_ASK = "contracts/process-entry.ts";
const ASKS = /\bimport\.meta\.(url|dirname|filename|resolve)\b/;

/**
 * The lines of ours that ask where their module stands. In a bundle every module stands in `dist/`, so a path made from there
 * points elsewhere: PACKAGE_ROOT of contracts/process-entry.ts is right in both.
 */
export async function placeDependentLines(root: string, modules: readonly string[]): Promise<string[]> {
  const asking = modules.filter((path) => path !== MAY_ASK && /\.[cm]?[jt]s$/.test(path));
  const found = await Promise.all(
    asking.map(async (path) => {
      const lines = (await readFile(join(root, path), "utf8")).split("\n");
      return lines.flatMap((line, index) => (ASKS.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
    }),
  );
  return found.flat();
}
