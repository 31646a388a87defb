import type { JudgedReplica, ServiceView } from "./service-view.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";

/**
 * open: everything it depends on is as it wants. waiting: not yet. failed: will not be without a change.
 */
export type DependencyGate = { is: "open" } | { is: "waiting"; detail: string } | { is: "failed"; detail: string };

type Verdict = DependencyGate;
const OPEN: Verdict = { is: "open" };

/** Whether a service may start, given the services it depends on. A failure is told before a wait. */
export function dependencyGate(spec: ServiceSpec, view: (service: string) => ServiceView | undefined): DependencyGate {
  const verdicts = Object.entries(spec.dependsOn).map(([name, dependency]) => {
    const found = view(name);
    if (found === undefined) return dependency.required ? failed(`${name} is not a service of this project`) : OPEN;
    const verdict = CONDITIONS[dependency.condition](found);
    return verdict.is === "failed" && !dependency.required ? OPEN : verdict;
  });
  return (
    verdicts.find((verdict) => verdict.is === "failed") ?? verdicts.find((verdict) => verdict.is === "waiting") ?? OPEN
  );
}

const CONDITIONS = {
  service_started: started,
  service_healthy: healthy,
  service_completed_successfully: completed,
} as const;

function started(dependency: ServiceView): Verdict {
  if (dependency.current.some(hasStarted)) return OPEN;
  return brokenOr(dependency, waiting(`waits for ${dependency.name} to start`));
}

function hasStarted({ replica, condition }: JudgedReplica): boolean {
  if (condition.is === "available" || condition.is === "completed") return true;
  const { observed, assignment } = replica;
  if (observed === undefined || observed.runSerial < assignment.runSerial) return false;
  // A job may be over before we look: what counts is that it ran.
  return observed.state === "running" || (condition.is === "failed" && observed.startedAt !== null);
}

function healthy(dependency: ServiceView): Verdict {
  const unchecked = dependency.current.find(
    ({ replica, condition }) => condition.is === "available" && replica.observed?.health === "none",
  );
  if (unchecked !== undefined) return failed(`${dependency.name} has no health check, so it never becomes healthy`);
  const { current, wanted } = dependency;
  const ready = current.filter(({ condition }) => condition.is === "available").length;
  if (ready >= wanted.length && dependency.held.length === 0) return OPEN;
  return brokenOr(dependency, waiting(`waits for ${dependency.name} to be healthy`));
}

function completed(dependency: ServiceView): Verdict {
  const done = dependency.current.filter(({ condition }) => condition.is === "completed").length;
  if (done >= dependency.wanted.length && dependency.held.length === 0) return OPEN;
  return brokenOr(dependency, waiting(`waits for ${dependency.name} to complete`));
}

/** A dependency that failed, or that itself waits for one that did, fails who waits for it. */
function brokenOr(dependency: ServiceView, otherwise: Verdict): Verdict {
  const broken = dependency.current.find(({ condition }) => condition.is === "failed");
  if (broken?.condition.is === "failed") return failed(broken.condition.reason);
  return dependency.gate.is === "failed" ? failed(dependency.gate.detail) : otherwise;
}

const waiting = (detail: string): Verdict => ({ is: "waiting", detail });
const failed = (detail: string): Verdict => ({ is: "failed", detail });
