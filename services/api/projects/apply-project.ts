import type { ApplyResult, ServiceChange } from "#contracts/api.ts";
import type { DesiredProject, ProjectSpec } from "#contracts/project-spec.ts";
import { viewProject } from "#services/state/project-view.ts";
import { canonicalJson } from "#services/state/revision.ts";
import { type Replica, replicasOf } from "#services/state/snapshot.ts";
import { activeTraceparent } from "#services/state/trace-context.ts";
import type { ApiContext } from "../api-context.ts";
import type { Caller } from "../caller.ts";
import { requireRoom } from "../disk-room.ts";
import { apiError } from "../errors.ts";
import { changeAssignment } from "../instances/change-assignment.ts";
import { changeProject, requireProject } from "./change-project.ts";
import { checkNeighbours } from "./neighbour-checks.ts";
import { serviceChanges } from "./service-changes.ts";
import { checkSpec } from "./spec-checks.ts";

/** Makes `spec` what is wanted of its project. The controller does the rest; its events come after the result's cursor. */
export async function applyProject(
  context: ApiContext,
  name: string,
  spec: ProjectSpec,
  caller: Caller,
): Promise<ApplyResult> {
  const { state, platform } = context;
  checkSpec(spec, name);
  await requireRoom(context.home);
  const cursor = await platform.events.cursor();
  const failed = failedReplicas(context, name, spec);
  let changes: ServiceChange[] = [];
  const stored = await changeProject(state, name, (current) => {
    if (current?.removal !== undefined) throw removing(name);
    checkNeighbours(spec, state.snapshot());
    changes = serviceChanges(current?.spec, spec);
    return isApplied(current, spec) ? current : nextDesired(current, spec);
  });
  await announce(context, stored, changes, caller);
  await retry(context, failed);
  return { project: name, generation: stored.generation, changes, cursor };
}

function isApplied(current: DesiredProject | undefined, spec: ProjectSpec): current is DesiredProject {
  return current !== undefined && current.stopped.length === 0 && canonicalJson(current.spec) === canonicalJson(spec);
}

function nextDesired(current: DesiredProject | undefined, spec: ProjectSpec): DesiredProject {
  const traceparent = activeTraceparent();
  return {
    spec,
    generation: (current?.generation ?? 0) + 1,
    appliedAt: new Date().toISOString(),
    stopped: [],
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/**
 * Replicas that have failed and are as the new spec wants them. Found before it is stored: what fails because of this apply is not
 * tried again by it.
 */
function failedReplicas({ state }: ApiContext, name: string, spec: ProjectSpec): Replica[] {
  const current = state.desired.get(name)?.value;
  if (current === undefined) return [];
  const view = viewProject({ ...current, spec, stopped: [] }, replicasOf(state.snapshot()));
  return [...view.services.values()]
    .flatMap((service) => service.current)
    .filter(({ condition, replica }) => condition.is === "failed" && replica.observed?.state !== "running")
    .map(({ replica }) => replica);
}

/** What failed is not tried again until somebody asks: whoever applies the same spec again does. */
async function retry({ state }: ApiContext, replicas: readonly Replica[]): Promise<void> {
  for (const { key, assignment } of replicas) {
    const runSerial = assignment.runSerial + 1;
    await changeAssignment(state, key, (current) => ({ ...current, runSerial: Math.max(current.runSerial, runSerial) }));
  }
}

/** Asks for the removal of a project and everything in it. */
export async function removeProject(context: ApiContext, name: string, volumes: boolean): Promise<ApplyResult> {
  const { state, platform } = context;
  requireProject(state, name);
  const cursor = await platform.events.cursor();
  const traceparent = activeTraceparent();
  const stored = await changeProject(state, name, (current) => {
    if (current === undefined) return undefined;
    if (current.removal !== undefined && (current.removal.volumes || !volumes)) return current;
    const removal = { volumes };
    return {
      ...current,
      generation: current.generation + 1,
      removal,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
  });
  const services = Object.keys(stored?.spec.services ?? {}).toSorted();
  const changes = services.map((service): ServiceChange => ({ service, action: "remove" }));
  return { project: name, generation: stored?.generation ?? 0, changes, cursor };
}

async function announce(
  { platform }: ApiContext,
  stored: DesiredProject,
  changes: ServiceChange[],
  caller: Caller,
): Promise<void> {
  if (changes.every(({ action }) => action === "keep")) return;
  await platform.events.append({
    type: "project.applied",
    source: "/control/api",
    subject: stored.spec.name,
    project: stored.spec.name,
    data: { generation: stored.generation, changes, ...caller },
  });
}

const removing = (name: string): Error =>
  apiError("SLIPWAY_API_PROJECT_REMOVING", `project ${name} is being removed and cannot be applied meanwhile`);
