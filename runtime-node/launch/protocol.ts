import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { CloneFailure } from "#kernel/plan/clone-failure.ts";
import type { PlanOutcomes } from "#kernel/plan/clone.ts";
import type { ExitStatus } from "#kernel/pidfd.ts";
import type { ProcessIdentity } from "#kernel/take-fd.ts";
import type { KeptFdList } from "./kept-fds.ts";

/**
 * Agent and supervisor talk over a unix socket, one JSON object a line. A launch goes:
 *
 * | agent | supervisor |
 * |---|---|
 * | launch(plan) | makes the prepare steps, clones, maps, joins cgroups |
 * | | parked(pid): the child waits; the agent wires its network |
 * | release or abort | lets the child go on, or ends it |
 * | | running(pid) or failed(step, errno) |
 * | | exited(status), once, kept until forget |
 *
 * An agent that goes away leaves running children alone; its parked ones are ended. What it had kept by `keep-fd` stays open, for the next one.
 */
export type SupervisorRequest =
  | { type: "launch"; child: string; plan: ChildPlan }
  | { type: "release"; child: string }
  | { type: "abort"; child: string }
  | { type: "forget"; child: string }
  | { type: "list" }
  | { type: "keep-fd"; name: string; owner: ProcessIdentity; fd: number }
  | { type: "drop-fd"; name: string }
  | { type: "list-fds" };

export type LaunchAnswer =
  | { type: "parked"; pid: number; startTime: number }
  | { type: "running"; pid: number; startTime: number; outcomes: PlanOutcomes }
  | { type: "failed"; failure: CloneFailure; outcomes: PlanOutcomes };

/** A child as the supervisor knows it. parked: waits for its release. running: exec'd. exited: kept until forgotten. */
export type ChildState =
  | { type: "parked"; pid: number; startTime: number }
  | { type: "running"; pid: number; startTime: number }
  | { type: "exited"; pid: number; startTime: number; status: ExitStatus; exitedAt: string };

export interface ChildReport {
  child: string;
  state: ChildState;
}

export type SupervisorAnswer =
  | LaunchAnswer
  | { type: "done" }
  | { type: "children"; children: ChildReport[] }
  | ({ type: "fds" } & KeptFdList);

export type RequestLine = { id: number } & SupervisorRequest;
export type ServerLine =
  | { type: "answer"; id: number; answer: SupervisorAnswer }
  | { type: "refused"; id: number; message: string; errno?: string }
  | { type: "exited"; report: ChildReport }
  /** `slipway server --stop-containers` ends: stop the containers, then go. */
  | { type: "stop-containers" };
