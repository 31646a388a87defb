import { existsSync, readFileSync } from "node:fs";

/**
 * CPU time of this run's cgroups, in milliseconds, with all that they ever held (cgroup-v1/cpuacct, cgroup-v2 cpu.stat): ours, our
 * peers', the containers'. Short processes count in full, as they would not in proc(5).
 */
export class CpuMeter {
  readonly #groups: string[];

  constructor(groups: readonly string[]) {
    this.#groups = [...groups];
  }

  /** Counts another top-level cgroup: a platform puts its containers into one of its own. */
  add(group: string): void {
    this.#groups.push(group);
  }

  totalMs(): number {
    return this.#groups.reduce((sum, group) => sum + usageMs(group), 0);
  }
}

function usageMs(group: string): number {
  const v1 = `/sys/fs/cgroup/cpuacct/${group}/cpuacct.usage`;
  if (existsSync(v1)) return Number(readFileSync(v1, "utf8")) / 1e6;
  const v2 = `/sys/fs/cgroup/${group}/cpu.stat`;
  if (!existsSync(v2)) return 0;
  return Number(/usage_usec (\d+)/.exec(readFileSync(v2, "utf8"))?.[1]) / 1e3;
}
