import { readFileSync } from "node:fs";
import type { ProcessRecord } from "./process-record.ts";

/** Whether the process still runs, and no other has its pid by now: proc_pid_stat(5), field 22. */
export function isRunning({ pid, startTime }: Pick<ProcessRecord, "pid" | "startTime">): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses, which may hold spaces and parentheses itself.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]) === startTime;
  } catch {
    return false;
  }
}
