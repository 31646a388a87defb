import type { ResourceLimits } from "#contracts/service-spec.ts";
import { blockIoWrites } from "./block-io.ts";
import type { Controller } from "./hierarchy.ts";

/** One write to one file of a controller's directory. */
export interface LimitWrite {
  controller: Controller;
  file: string;
  value: string;
  /** A kernel built without the file goes without. */
  optional?: boolean;
  /** What to write where the kernel has another file for it. */
  otherwise?: { file: string; value: string };
}

/** The same limits in both languages. */
export interface LimitWrites {
  v1: LimitWrite[];
  v2: LimitWrite[];
}

/** Processes and threads of a container that names no limit, as podman has it: a fork bomb is its own container's misfortune. */
export const DEFAULT_PIDS = 2_048;
const CPU_PERIOD_US = 100_000;
/** The kernel's least quota is 1 ms a period. */
const LEAST_QUOTA_US = 1_000;

/**
 * What is to be written, in order. From the kernel's admin-guide/cgroup-v1/{memory,pids,cpusets,blkio-controller}.rst,
 * scheduler/sched-bwc.rst and admin-guide/cgroup-v2.rst.
 * @throws SlipwayError when a block device that is named is none
 */
export function limitWrites(limits: ResourceLimits): LimitWrites {
  const parts = [memoryWrites(limits), cpuWrites(limits), pidsWrites(limits), blockIoWrites(limits.blockIo)];
  return { v1: parts.flatMap(({ v1 }) => v1), v2: parts.flatMap(({ v2 }) => v2) };
}

/** Unless swap is asked for, memory includes it: a container at its limit is killed, not swapped out. */
function memoryWrites({
  memoryBytes,
  memoryAndSwapBytes,
  memoryReservationBytes,
  memorySwappiness,
}: ResourceLimits): LimitWrites {
  const writes: LimitWrites = { v1: [], v2: [] };
  const v1 = (file: string, value: number, optional = false): void =>
    void writes.v1.push({ controller: "memory", file, value: String(value), ...(optional ? { optional } : {}) });
  const v2 = (file: string, value: number | "max", optional = false): void =>
    void writes.v2.push({ controller: "memory", file, value: String(value), ...(optional ? { optional } : {}) });
  if (memoryReservationBytes !== undefined) {
    v1("memory.soft_limit_in_bytes", memoryReservationBytes);
    v2("memory.low", memoryReservationBytes);
  }
  if (memorySwappiness !== undefined) {
    v1("memory.swappiness", memorySwappiness);
    v2("memory.swappiness", memorySwappiness);
  }
  if (memoryBytes === undefined) return writes;
  const withSwap = memoryAndSwapBytes ?? memoryBytes;
  const swapMayBeMissing = memoryAndSwapBytes === undefined;
  // Memory first: with swap may not be less.
  v1("memory.limit_in_bytes", memoryBytes);
  v1("memory.memsw.limit_in_bytes", withSwap, swapMayBeMissing);
  v2("memory.max", memoryBytes);
  v2("memory.swap.max", withSwap === -1 ? "max" : withSwap - memoryBytes, swapMayBeMissing);
  v2("memory.oom.group", 1, true);
  return writes;
}

function cpuWrites({ cpus, cpuPeriodUs = CPU_PERIOD_US, cpuShares, cpuset }: ResourceLimits): LimitWrites {
  const writes: LimitWrites = { v1: [], v2: [] };
  if (cpuShares !== undefined) {
    writes.v1.push({ controller: "cpu", file: "cpu.shares", value: String(cpuShares) });
    writes.v2.push({ controller: "cpu", file: "cpu.weight", value: String(cpuWeight(cpuShares)) });
  }
  if (cpus !== undefined) {
    const quota = String(Math.max(LEAST_QUOTA_US, Math.round(cpus * cpuPeriodUs)));
    writes.v1.push(
      { controller: "cpu", file: "cpu.cfs_period_us", value: String(cpuPeriodUs) },
      { controller: "cpu", file: "cpu.cfs_quota_us", value: quota },
    );
    writes.v2.push({ controller: "cpu", file: "cpu.max", value: `${quota} ${cpuPeriodUs}` });
  }
  if (cpuset !== undefined) {
    const write: LimitWrite = { controller: "cpuset", file: "cpuset.cpus", value: cpuset };
    writes.v1.push(write);
    writes.v2.push(write);
  }
  return writes;
}

/** 2…262144 onto 1…10000, in the straight line that OCI runtimes have used. */
function cpuWeight(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9_999) / 262_142);
}

function pidsWrites({ pids }: ResourceLimits): LimitWrites {
  if (pids === undefined) return { v1: [], v2: [] };
  const value = pids <= 0 ? "max" : String(pids);
  const write: LimitWrite = { controller: "pids", file: "pids.max", value };
  return { v1: [write], v2: [write] };
}
