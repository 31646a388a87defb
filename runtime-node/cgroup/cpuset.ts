import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILES = ["cpuset.cpus", "cpuset.mems"] as const;

/**
 * Makes a v1 group and those above it with their parent's CPUs and memory nodes: a new one has none, and takes no process
 * (kernel documentation, admin-guide/cgroup-v1/cpusets.rst).
 */
export function inheritCpuset(mount: string, group: string): void {
  let above = mount;
  for (const name of group.split("/").filter((part) => part !== "")) {
    const directory = join(above, name);
    if (!existsSync(directory)) mkdirSync(directory);
    for (const file of FILES) {
      if (readFileSync(join(directory, file), "utf8").trim() === "")
        writeFileSync(join(directory, file), readFileSync(join(above, file)));
    }
    above = directory;
  }
}
