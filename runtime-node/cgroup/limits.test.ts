import { describe, expect, it } from "vitest";
import { limitWrites, type LimitWrite } from "./limits.ts";

const written = (writes: readonly LimitWrite[]): Record<string, string> =>
  Object.fromEntries(writes.map(({ controller, file, value }) => [`${controller}/${file}`, value]));
const MIB = 1024 * 1024;

describe("a limit, in both languages", () => {
  it.each([
    ["nothing is limited", {}, {}, {}],
    [
      "memory, swap included, and the whole group is killed",
      { memoryBytes: 64 * MIB },
      { "memory/memory.limit_in_bytes": "67108864", "memory/memory.memsw.limit_in_bytes": "67108864" },
      { "memory/memory.max": "67108864", "memory/memory.swap.max": "0", "memory/memory.oom.group": "1" },
    ],
    [
      "half a CPU",
      { cpus: 0.5 },
      { "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.cfs_quota_us": "50000" },
      { "cpu/cpu.max": "50000 100000" },
    ],
    [
      "several CPUs",
      { cpus: 2.5 },
      { "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.cfs_quota_us": "250000" },
      { "cpu/cpu.max": "250000 100000" },
    ],
    [
      "less CPU than the kernel's least quota",
      { cpus: 0.001 },
      { "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.cfs_quota_us": "1000" },
      { "cpu/cpu.max": "1000 100000" },
    ],
    ["processes", { pids: 10 }, { "pids/pids.max": "10" }, { "pids/pids.max": "10" }],
  ])("%s", (_, limits, v1, v2) => {
    const writes = limitWrites(limits);
    expect(written(writes.v1)).toEqual(v1);
    expect(written(writes.v2)).toEqual(v2);
  });

  it("on v1 sets memory before memory with swap, which may not be less", () => {
    const files = limitWrites({ memoryBytes: MIB }).v1.map(({ file }) => file);
    expect(files).toEqual(["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]);
  });

  it("on v1 sets the period before the quota, which is a part of it", () => {
    expect(limitWrites({ cpus: 1 }).v1.map(({ file }) => file)).toEqual(["cpu.cfs_period_us", "cpu.cfs_quota_us"]);
  });

  it("that a kernel may be built without is the only optional one", () => {
    const { v1, v2 } = limitWrites({ memoryBytes: MIB, cpus: 1, pids: 1 });
    const optional = [...v1, ...v2].filter((write) => write.optional === true).map(({ file }) => file);
    expect(optional).toEqual(["memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom.group"]);
  });
});
