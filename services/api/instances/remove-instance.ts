import { hasCode } from "#contracts/slipway-error.ts";
import type { ApiContext } from "../api-context.ts";
import { apiError } from "../errors.ts";
import { resolveInstance } from "../instance-reference.ts";
import { askNode } from "../node-client.ts";
import { ownTrace } from "#services/state/trace-context.ts";
import { changeProject } from "../projects/change-project.ts";
import { waitForState } from "../state-wait.ts";

/** How much longer than its grace period a removal may take before the answer comes all the same. */
const PATIENCE_MS = 15_000;

/**
 * Removes an instance; `force` kills one that runs. A service's replica is made anew by the controller unless it is held stopped.
 * Answers when the node has removed it.
 */
export async function removeInstance(context: ApiContext, ref: string, force: boolean, signal: AbortSignal): Promise<void> {
  const { state } = context;
  const { key, assignment, observed } = resolveInstance(state.snapshot(), ref);
  const ended = observed.state === "exited" || observed.state === "failed";
  if (!ended && !force) {
    throw apiError("SLIPWAY_API_INSTANCE_RUNNING", `${observed.name} is ${observed.state}`);
  }
  if (assignment === undefined) return;
  if (!ended) await kill(context, observed.instanceId);
  // The replica that takes its place is another instance because the project's key has moved on.
  if (assignment.attached === undefined) {
    await changeProject(state, assignment.project, (current) =>
      current === undefined ? undefined : { ...current, ...ownTrace() },
    );
  }
  await state.assignments.delete(key);
  const gone = (): boolean => state.observed.get(key) === undefined;
  await waitForState(state, gone, assignment.spec.stopGracePeriodMs + PATIENCE_MS, signal);
}

async function kill(context: ApiContext, instanceId: string): Promise<void> {
  try {
    await askNode(context, "signal", { instanceId, signal: "SIGKILL" });
  } catch (error) {
    // It may not have a process yet, or its node may be away: it is removed all the same.
    if (!(error instanceof Error) || !isRefusal(error)) throw error;
  }
}

const isRefusal = (error: Error): boolean =>
  hasCode(error, "SLIPWAY_MESSAGING_NO_RESPONDER", "SLIPWAY_MESSAGING_TIMEOUT") ||
  ("status" in error && (error.status === 404 || error.status === 409));
