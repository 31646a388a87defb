import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BlockIoLimits, ResourceLimits } from "#contracts/service-spec.ts";
import { readDeviceNumber } from "./device-number.ts";
import { limitWrites, type LimitWrite } from "./limits.ts";

type Written = Record<string, string>;
const written = (writes: readonly LimitWrite[]): Written =>
  Object.fromEntries(writes.map(({ controller, file, value }) => [`${controller}/${file}`, value]));
const MIB = 1024 * 1024;

const CASES: [string, ResourceLimits, Written, Written][] = [
  ["nothing is limited", {}, {}, {}],
  [
    "memory, swap included, and the whole group is killed",
    { memoryBytes: 64 * MIB },
    { "memory/memory.limit_in_bytes": "67108864", "memory/memory.memsw.limit_in_bytes": "67108864" },
    { "memory/memory.max": "67108864", "memory/memory.swap.max": "0", "memory/memory.oom.group": "1" },
  ],
  [
    "memory and some swap, which v2 counts apart",
    { memoryBytes: 64 * MIB, memoryAndSwapBytes: 80 * MIB },
    { "memory/memory.limit_in_bytes": "67108864", "memory/memory.memsw.limit_in_bytes": "83886080" },
    { "memory/memory.max": "67108864", "memory/memory.swap.max": "16777216", "memory/memory.oom.group": "1" },
  ],
  [
    "memory and all swap",
    { memoryBytes: 64 * MIB, memoryAndSwapBytes: -1 },
    { "memory/memory.limit_in_bytes": "67108864", "memory/memory.memsw.limit_in_bytes": "-1" },
    { "memory/memory.max": "67108864", "memory/memory.swap.max": "max", "memory/memory.oom.group": "1" },
  ],
  [
    "a reservation",
    { memoryReservationBytes: 32 * MIB },
    { "memory/memory.soft_limit_in_bytes": "33554432" },
    { "memory/memory.low": "33554432" },
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
    "a part of a period of its own",
    { cpus: 0.25, cpuPeriodUs: 20_000 },
    { "cpu/cpu.cfs_period_us": "20000", "cpu/cpu.cfs_quota_us": "5000" },
    { "cpu/cpu.max": "5000 20000" },
  ],
  [
    "less CPU than the kernel's least quota",
    { cpus: 0.001 },
    { "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.cfs_quota_us": "1000" },
    { "cpu/cpu.max": "1000 100000" },
  ],
  ["the shares that everybody has", { cpuShares: 1024 }, { "cpu/cpu.shares": "1024" }, { "cpu/cpu.weight": "39" }],
  ["the fewest shares", { cpuShares: 2 }, { "cpu/cpu.shares": "2" }, { "cpu/cpu.weight": "1" }],
  ["the most shares", { cpuShares: 262_144 }, { "cpu/cpu.shares": "262144" }, { "cpu/cpu.weight": "10000" }],
  ["a set of CPUs", { cpuset: "0-1" }, { "cpuset/cpuset.cpus": "0-1" }, { "cpuset/cpuset.cpus": "0-1" }],
  ["processes", { pids: 10 }, { "pids/pids.max": "10" }, { "pids/pids.max": "10" }],
];

describe("a limit, in both languages", () => {
  it.each(CASES)("%s", (_, limits, v1, v2) => {
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

  it("that a kernel may be built without is the only optional one, and no longer once it is asked for", () => {
    const optional = (limits: ResourceLimits): string[] => {
      const { v1, v2 } = limitWrites(limits);
      return [...v1, ...v2].filter((write) => write.optional === true).map(({ file }) => file);
    };
    const all = { memoryBytes: MIB, cpus: 1, pids: 1, cpuShares: 2, cpuset: "0" };
    expect(optional(all)).toEqual(["memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom.group"]);
    expect(optional({ ...all, memoryAndSwapBytes: 2 * MIB })).toEqual(["memory.oom.group"]);
  });
});

describe("limits of a disk", () => {
  const none: BlockIoLimits = {
    deviceWeights: [],
    readBytes: [],
    writeBytes: [],
    readOperations: [],
    writeOperations: [],
  };
  const disk = readdirSync("/dev")
    .map((name) => `/dev/${name}`)
    .find((path) => readDeviceNumber(path)?.type === "block");

  it("are written with its number, rates together and weights in each language's range", ({ skip }) => {
    if (disk === undefined) return skip("no block device in /dev");
    const { major, minor } = readDeviceNumber(disk)!;
    const number = `${major}:${minor}`;
    const { v1, v2 } = limitWrites({
      blockIo: {
        ...none,
        weight: 1000,
        readBytes: [{ path: disk, perSecond: MIB }],
        writeOperations: [{ path: disk, perSecond: 50 }],
      },
    });
    expect(v1.map(({ file, value }) => [file, value])).toEqual([
      ["blkio.bfq.weight", "1000"],
      ["blkio.throttle.read_bps_device", `${number} 1048576`],
      ["blkio.throttle.write_iops_device", `${number} 50`],
    ]);
    expect(v2.map(({ file, value, otherwise }) => [file, value, otherwise?.value])).toEqual([
      ["io.bfq.weight", "default 1000", "default 10000"],
      ["io.max", `${number} rbps=1048576`, undefined],
      ["io.max", `${number} wiops=50`, undefined],
    ]);
  });

  it.each([
    ["/dev/null", "which is no block device"],
    ["/dev/no-such-disk", "there is no such device"],
  ])("of %s are refused", (path, message) => {
    expect(() => limitWrites({ blockIo: { ...none, readBytes: [{ path, perSecond: 1 }] } })).toThrow(message);
  });
});
