import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isHome } from "./judge-platform.ts";

export const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** A run folder whose supervisor recorded ends of containers that no agent has taken: the next server on its home tells of them. */
export function hasNews(runFolder: string, home: string | null): boolean {
  if (home === null || !isHome(home)) return false;
  try {
    return (JSON.parse(readFileSync(join(runFolder, "children.json"), "utf8")) as unknown[]).length > 0;
  } catch {
    return false;
  }
}
