import type { DesiredProject } from "#contracts/project-spec.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import { apiError } from "../errors.ts";

const ATTEMPTS = 10;

/**
 * Changes a project by what `change` makes of it (undefined: leave it as it is), and again when somebody else was faster.
 * Returns what is now stored.
 */
export async function changeProject<Stored extends DesiredProject | undefined>(
  state: ClusterState,
  name: string,
  change: (current: DesiredProject | undefined) => Stored,
): Promise<Stored> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = state.desired.get(name);
    const changed = change(entry?.value);
    if (changed === undefined || changed === entry?.value) return changed;
    try {
      await state.desired.update(name, changed, entry?.revision ?? 0);
      return changed;
    } catch (error) {
      if (!hasCode(error, "SLIPWAY_MESSAGING_CONFLICT")) throw error;
      await state.desired.refresh(name);
    }
  }
  throw apiError("SLIPWAY_API_PROJECT_CONTENDED", `project ${name} was changed by others ${ATTEMPTS} times in a row`);
}

/** The project, or an error that lists what there is. */
export function requireProject(state: ClusterState, name: string): DesiredProject {
  const found = state.desired.get(name)?.value;
  if (found !== undefined) return found;
  const names = state.desired.entries().map(({ key }) => key);
  const there = names.length === 0 ? "there are none" : `there are ${names.toSorted().join(", ")}`;
  throw apiError("SLIPWAY_API_PROJECT_UNKNOWN", `there is no project ${name}; ${there}`);
}
