import { readdirSync, readFileSync } from "node:fs";
import type { PlatformProcessName, TestPlatform } from "#test/e2e/platform.ts";
import { collectGarbage } from "./collect-garbage.ts";

export const PROCESSES: readonly PlatformProcessName[] = ["server", "nats-server", "control", "agent", "gateway"];

/** One process at one moment, at rest and with its garbage collected. */
export interface ProcessSample {
  name: PlatformProcessName;
  pid: number;
  /** Starts up to then. */
  starts: number;
  /** Its share of memory, proc_pid_smaps(5). */
  pssBytes: number;
  /** Of Node's heap; null for nats-server, which is none of Node's. */
  heapBytes: number | null;
  openFiles: number;
}

export async function sampleProcesses(platform: TestPlatform, starts: number): Promise<ProcessSample[]> {
  const samples: ProcessSample[] = [];
  for (const name of PROCESSES) {
    const pid = platform.pidOf(name);
    const heapBytes = name === "nats-server" ? null : await collectGarbage(pid);
    samples.push({
      name,
      pid,
      starts,
      heapBytes,
      pssBytes: readPss(pid),
      openFiles: readdirSync(`/proc/${pid}/fd`).length,
    });
  }
  return samples;
}

function readPss(pid: number): number {
  const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}
