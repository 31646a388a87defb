import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import { isHeld } from "#services/state/project-view.ts";
import { ownTrace } from "#services/state/trace-context.ts";
import type { ApiContext } from "../api-context.ts";
import { pendingObservation, requireAssigned } from "../instance-reference.ts";
import { changeProject } from "../projects/change-project.ts";
import { waitForState } from "../state-wait.ts";
import { changeAssignment } from "./change-assignment.ts";

/** How much longer than its grace period a stop, and how long a start, may take before the answer tells what is so far. */
const PATIENCE_MS = 15_000;

/** Ends an instance and holds it so. Answers when it has ended, or has not in its grace period and a little more. */
export async function stopInstance(context: ApiContext, ref: string, signal: AbortSignal): Promise<ObservedInstance> {
  const { key, assignment } = requireAssigned(context.state.snapshot(), ref);
  if (isOneOff(assignment))
    await changeAssignment(context.state, key, (current) => ({ ...current, ...ownTrace(), desired: "stopped" }));
  else await changeHold(context, assignment, true);
  const ended = (): boolean => hasEnded(context, key);
  await waitForState(context.state, ended, assignment.spec.stopGracePeriodMs + PATIENCE_MS, signal);
  return answer(context, key, assignment);
}

/** Starts an instance that was stopped or has ended. Answers when it runs or could not be started. */
export async function startInstance(context: ApiContext, ref: string, signal: AbortSignal): Promise<ObservedInstance> {
  const { key, assignment, observed } = requireAssigned(context.state.snapshot(), ref);
  const isHeldNow = assignment.desired === "stopped" || isHeldByProject(context, assignment);
  if (!isHeldNow && observed.state !== "exited" && observed.state !== "failed") return observed;
  return startAnew(context, key, assignment, signal);
}

/** Ends the process and starts it again, or starts it when it does not run, and what is to be restarted with it. */
export async function restartInstance(context: ApiContext, ref: string, signal: AbortSignal): Promise<ObservedInstance> {
  const { key, assignment } = requireAssigned(context.state.snapshot(), ref);
  const restarted = await startAnew(context, key, assignment, signal);
  for (const dependant of restartedWith(context, assignment)) {
    await changeAssignment(context.state, dependant, (current) => ({
      ...current,
      ...ownTrace(),
      runSerial: current.runSerial + 1,
    }));
  }
  return restarted;
}

async function startAnew(
  context: ApiContext,
  key: string,
  assignment: Assignment,
  signal: AbortSignal,
): Promise<ObservedInstance> {
  const wanted = assignment.runSerial + 1;
  const isServiceReplica = !isOneOff(assignment);
  if (isServiceReplica) await changeHold(context, assignment, false);
  await changeAssignment(context.state, key, (current) => ({
    ...current,
    ...ownTrace(),
    desired: "running",
    runSerial: Math.max(current.runSerial, wanted),
  }));
  const started = (): boolean => hasStarted(context, key, wanted);
  await waitForState(context.state, started, assignment.spec.stopGracePeriodMs + PATIENCE_MS, signal);
  return answer(context, key, assignment);
}

/** `stop` and `start` of a service's replica are kept in the project, so that the controller makes them true. */
async function changeHold({ state }: ApiContext, { project, service, index }: Assignment, hold: boolean): Promise<void> {
  await changeProject(state, project, (current) => {
    if (current === undefined || isHeld(current, service, index) === hold) return current;
    const replicas = current.spec.services[service]?.replicas ?? 0;
    const others = Array.from({ length: replicas }, (_, other) => other + 1).filter((other) => other !== index);
    const held = others.filter((other) => isHeld(current, service, other));
    const names = [...held, ...(hold ? [index] : [])].toSorted((a, b) => a - b).map((other) => `${service}/${other}`);
    const elsewhere = current.stopped.filter((name) => name !== service && !name.startsWith(`${service}/`));
    return { ...current, ...ownTrace(), generation: current.generation + 1, stopped: [...elsewhere, ...names] };
  });
}

/** The replicas of services that depend on this one with `restart: true`. */
function restartedWith({ state }: ApiContext, assignment: Assignment): string[] {
  const services = state.desired.get(assignment.project)?.value.spec.services ?? {};
  return state.assignments
    .entries()
    .filter(({ value }) => value.project === assignment.project && !isOneOff(value) && value.desired === "running")
    .filter(({ value }) => services[value.service]?.dependsOn[assignment.service]?.restart === true)
    .map(({ key }) => key);
}

function isHeldByProject({ state }: ApiContext, { project, service, index }: Assignment): boolean {
  const desired: DesiredProject | undefined = state.desired.get(project)?.value;
  return desired !== undefined && isHeld(desired, service, index);
}

function hasEnded({ state }: ApiContext, key: string): boolean {
  const observed = state.observed.get(key)?.value;
  return observed === undefined || observed.state === "exited" || observed.state === "failed";
}

function hasStarted({ state }: ApiContext, key: string, runSerial: number): boolean {
  const observed = state.observed.get(key)?.value;
  if (state.assignments.get(key) === undefined) return true;
  return (
    observed !== undefined && observed.runSerial >= runSerial && ["running", "exited", "failed"].includes(observed.state)
  );
}

const isOneOff = (assignment: Assignment): boolean => assignment.attached !== undefined;

/** What is now known of it; for one that has gone meanwhile, what was asked of it. */
function answer({ state }: ApiContext, key: string, assignment: Assignment): ObservedInstance {
  return state.observed.get(key)?.value ?? pendingObservation(assignment);
}
