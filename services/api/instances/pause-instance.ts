import type { ObservedInstance } from "#contracts/instance.ts";
import type { ApiContext } from "../api-context.ts";
import { pendingObservation, requireAssigned } from "../instance-reference.ts";
import { askNode } from "../node-client.ts";
import { waitForState } from "../state-wait.ts";

/** What the node did it has also reported, a moment later. */
const PATIENCE_MS = 15_000;

/** Stops every process of an instance where it stands. Answers when it is so. */
export async function pauseInstance(context: ApiContext, ref: string, signal: AbortSignal): Promise<ObservedInstance> {
  return change(context, ref, "pause", signal);
}

/** Lets them go on. */
export async function unpauseInstance(context: ApiContext, ref: string, signal: AbortSignal): Promise<ObservedInstance> {
  return change(context, ref, "unpause", signal);
}

async function change(
  context: ApiContext,
  ref: string,
  operation: "pause" | "unpause",
  signal: AbortSignal,
): Promise<ObservedInstance> {
  const { key, assignment } = requireAssigned(context.state.snapshot(), ref);
  await askNode(context, operation, { instanceId: assignment.instanceId });
  const isReported = (): boolean => (context.state.observed.get(key)?.value.state === "paused") === (operation === "pause");
  await waitForState(context.state, isReported, PATIENCE_MS, signal);
  return context.state.observed.get(key)?.value ?? pendingObservation(assignment);
}
