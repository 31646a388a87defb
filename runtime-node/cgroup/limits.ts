import type { ResourceLimits } from "#contracts/service-spec.ts";
import type { Controller } from "./hierarchy.ts";

/** One write to one file of a controller's directory. `optional`: a kernel built without it goes without. */
export interface LimitWrite {
  controller: Controller;
  file: string;
  value: string;
  optional?: boolean;
}

const CPU_PERIOD_US = 100_000;
/** The kernel's least quota is 1 ms a period. */
const LEAST_QUOTA_US = 1_000;

/**
 * The same limits in both languages: kernel documentation admin-guide/cgroup-v1/{memory,pids}.rst, scheduler/sched-bwc.rst,
 * admin-guide/cgroup-v2.rst. Memory includes swap: a container at its limit is killed, not swapped out.
 */
export function limitWrites({ memoryBytes, cpus, pids }: ResourceLimits): { v1: LimitWrite[]; v2: LimitWrite[] } {
  const v1: LimitWrite[] = [];
  const v2: LimitWrite[] = [];
  if (memoryBytes !== undefined) {
    const value = String(memoryBytes);
    v1.push(
      { controller: "memory", file: "memory.limit_in_bytes", value },
      { controller: "memory", file: "memory.memsw.limit_in_bytes", value, optional: true },
    );
    v2.push(
      { controller: "memory", file: "memory.max", value },
      { controller: "memory", file: "memory.swap.max", value: "0", optional: true },
      { controller: "memory", file: "memory.oom.group", value: "1", optional: true },
    );
  }
  if (cpus !== undefined) {
    const quota = String(Math.max(LEAST_QUOTA_US, Math.round(cpus * CPU_PERIOD_US)));
    v1.push(
      { controller: "cpu", file: "cpu.cfs_period_us", value: String(CPU_PERIOD_US) },
      { controller: "cpu", file: "cpu.cfs_quota_us", value: quota },
    );
    v2.push({ controller: "cpu", file: "cpu.max", value: `${quota} ${CPU_PERIOD_US}` });
  }
  if (pids !== undefined) {
    const write: LimitWrite = { controller: "pids", file: "pids.max", value: String(pids) };
    v1.push(write);
    v2.push(write);
  }
  return { v1, v2 };
}
