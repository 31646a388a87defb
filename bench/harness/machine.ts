import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { median, percentile, rounded } from "./quantiles.ts";

const FSYNCS = 200;
const BLOCK_BYTES = 4096;
const WATCH_MS = 2_000;

export interface Machine {
  cpu: string;
  cpus: number;
  memoryGb: number;
  kernel: string;
  node: string;
  cgroups: "v1" | "v2";
  /** Of a 4 KiB write and its fsync(2), on the disk that the benchmarks use. */
  fsyncP50Ms: number;
  fsyncP99Ms: number;
}

export function describeMachine(folder: string): Machine {
  const syncs = timeFsyncs(folder);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    cgroups: /^cgroup2? \/sys\/fs\/cgroup\/memory /m.test(readFileSync("/proc/mounts", "utf8")) ? "v1" : "v2",
    fsyncP50Ms: rounded(median(syncs)),
    fsyncP99Ms: rounded(percentile(syncs, 99)),
  };
}

export const loadAverage = (): number => rounded(loadavg()[0] ?? 0);

/** CPUs that others keep busy while we wait, looked at for two seconds (proc_stat(5)). */
export async function otherLoad(): Promise<number> {
  const before = cpuTicks();
  await delay(WATCH_MS);
  const after = cpuTicks();
  return rounded((cpus().length * (after.busy - before.busy)) / (after.all - before.all));
}

function timeFsyncs(folder: string): number[] {
  const path = join(folder, "fsync");
  const fd = openSync(path, "w");
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  try {
    return Array.from({ length: FSYNCS }, (_, index) => {
      const before = performance.now();
      writeSync(fd, block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
      fsyncSync(fd);
      return performance.now() - before;
    });
  } finally {
    closeSync(fd);
    rmSync(path);
  }
}

function cpuTicks(): { busy: number; all: number } {
  const line = readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "";
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq;
  return { busy, all: busy + idle + iowait };
}
