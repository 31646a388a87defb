import { readFileSync, readdirSync } from "node:fs";

/** A process's share of the memory that it maps, proc_pid_smaps(5); 0 for one that is gone. */
export function pssKb(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
  } catch {
    return 0;
  }
}

/** Processes of this enclosure whose program's name begins like one of these (proc_pid_comm(5): 15 characters). */
export function processesNamed(...names: string[]): number[] {
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0);
  return pids.filter((pid) => {
    try {
      const comm = readFileSync(`/proc/${pid}/comm`, "utf8");
      return names.some((name) => comm.startsWith(name.slice(0, 15)));
    } catch {
      return false;
    }
  });
}

const TICK_MS = 10;

/** User and system time of one process so far, proc_pid_stat(5). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
