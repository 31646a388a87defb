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
