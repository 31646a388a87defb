import type { Assignment, ObservedInstance } from "#contracts/instance.ts";

/**
 * starting: on its way, or asked to start anew. available: running, and healthy where it has a check. completed: ended with
 * exit 0 and is not restarted. failed: could not be started, ended with an error, is unhealthy, or ends again and again.
 * stopping and stopped: held stopped.
 */
export type ReplicaCondition =
  | { is: "starting"; phase: string }
  | { is: "available" }
  | { is: "completed" }
  | { is: "failed"; reason: string }
  | { is: "stopping" }
  | { is: "stopped" };

/** From so many restarts on, a replica between two of them counts as failed: somebody waiting for it should hear of it. */
const RESTARTS_OF_A_CRASH_LOOP = 3;

/** How one replica does, from what is wanted of it and what its node reports; `held` when it is wanted stopped. */
export function replicaCondition(
  assignment: Assignment,
  observed: ObservedInstance | undefined,
  held: boolean,
): ReplicaCondition {
  if (held) return stoppedCondition(observed);
  // Its assignment still says stopped: about to be changed.
  if (observed === undefined || assignment.desired === "stopped") return { is: "starting", phase: "pending" };
  // What is reported is about the life before the restart that was asked for.
  if (observed.runSerial < assignment.runSerial) return { is: "starting", phase: "restarting" };
  switch (observed.state) {
    case "running":
      return runningCondition(observed);
    case "exited":
      return observed.exitCode === 0 ? { is: "completed" } : { is: "failed", reason: exitReason(observed) };
    case "failed":
      return { is: "failed", reason: observed.error?.message ?? `${observed.name} could not be started` };
    case "restarting":
      return observed.restarts >= RESTARTS_OF_A_CRASH_LOOP
        ? { is: "failed", reason: `${exitReason(observed)}, ${observed.restarts} times in a row` }
        : { is: "starting", phase: "restarting" };
    default:
      return { is: "starting", phase: observed.state };
  }
}

function stoppedCondition(observed: ObservedInstance | undefined): ReplicaCondition {
  const ended = observed === undefined || observed.state === "exited" || observed.state === "failed";
  return ended ? { is: "stopped" } : { is: "stopping" };
}

function runningCondition(observed: ObservedInstance): ReplicaCondition {
  if (observed.health === "unhealthy") return { is: "failed", reason: `${observed.name} is unhealthy` };
  return observed.health === "starting" ? { is: "starting", phase: "waiting for its health check" } : { is: "available" };
}

function exitReason(observed: ObservedInstance): string {
  const code = observed.exitCode === null ? "an unknown exit code" : `exit code ${observed.exitCode}`;
  return `${observed.name} ended with ${code}${observed.oomKilled ? " (out of memory)" : ""}`;
}

/** Running, and healthy or without a check: may take requests, may be counted on. */
export function isServing(observed: ObservedInstance | undefined): boolean {
  return observed?.state === "running" && (observed.health === "healthy" || observed.health === "none");
}
