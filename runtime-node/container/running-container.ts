import type { Socket } from "node:net";
import type { ContainerCgroup } from "../cgroup/container-cgroup.ts";
import type { ChildExit } from "../launch/children.ts";
import type { ConnectedNetworks, ContainerLogs } from "./node-services.ts";
import type { ProcessLaunch } from "../launch/container-launch.ts";

/** A container whose process was exec'd, however we came by it: started by us, or found running after a restart. */
export interface RunningContainer {
  readonly instanceId: string;
  readonly idBase: number;
  readonly pid: number;
  /** Clock ticks since boot, proc_pid_stat(5): with the pid it names one process. */
  readonly startTime: number;
  readonly cgroup: ContainerCgroup;
  readonly logs: ContainerLogs;
  /** The writing end of its stdin, when it was asked to keep one open. */
  readonly stdin: Socket | null;
  readonly networks: ConnectedNetworks;
  readonly exit: Promise<ChildExit>;
  /** What it was started with: an exec's environment and privileges come from here. */
  readonly process: ProcessLaunch;
}
