import type { Assignment } from "#contracts/instance.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import { apiError } from "../errors.ts";

const ATTEMPTS = 10;

/** Changes what is asked of one instance, and again when somebody else was faster; nothing for one that is gone. */
export async function changeAssignment(
  state: ClusterState,
  key: string,
  change: (current: Assignment) => Assignment,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = state.assignments.get(key);
    if (entry === undefined) return;
    try {
      await state.assignments.update(key, change(entry.value), entry.revision);
      return;
    } catch (error) {
      if (!hasCode(error, "SLIPWAY_MESSAGING_CONFLICT")) throw error;
      await state.assignments.refresh(key);
    }
  }
  throw apiError("SLIPWAY_API_PROJECT_CONTENDED", `instance ${key} was changed by others ${ATTEMPTS} times in a row`);
}
