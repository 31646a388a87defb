import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Kernel } from "#kernel/kernel.ts";
import { startTimeOf } from "#kernel/pidfd.ts";
import { endProcess } from "./end-process.ts";

const PATIENCE_MS = 10_000;
const RETRY_MS = 10;

/** Removes a cgroup with all below it, ending what is still in there: a process may have forked while others were ended. */
export async function removeCgroupTree(kernel: Kernel, path: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (const folder of treeOf(path)) {
    for (;;) {
      const refused = tryRemove(folder);
      if (refused === undefined) break;
      // cgroups(7) has no way to be told that a v1 group is empty without a release agent, so we ask again.
      if (performance.now() > deadline) throw refused;
      await endAllIn(kernel, folder);
      await delay(RETRY_MS);
    }
  }
}

/** Deepest first. */
function treeOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...below.flatMap(({ name }) => treeOf(join(path, name))), path];
}

function tryRemove(folder: string): Error | undefined {
  try {
    rmdirSync(folder);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : (error as Error);
  }
}

async function endAllIn(kernel: Kernel, folder: string): Promise<void> {
  for (const pid of readPids(join(folder, "cgroup.procs"))) {
    const startTime = startTimeOf(pid);
    if (startTime !== undefined) await endProcess(kernel, { pid, startTime });
  }
}

function readPids(file: string): number[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
