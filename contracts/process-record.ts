import { readFileSync } from "node:fs";
import { type Static, Type } from "typebox";

/** One of the platform's processes, as `<run>/processes.json` names them: the supervisor and those it started. */
export const ProcessRecord = Type.Object({
  /** `supervisor`, `nats-server`, `control`, `agent`, `gateway`. */
  name: Type.String(),
  pid: Type.Integer(),
  /** Clock ticks since boot, proc_pid_stat(5): with the pid it names one process. */
  startTime: Type.Integer(),
  version: Type.String(),
});
export type ProcessRecord = Static<typeof ProcessRecord>;

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
