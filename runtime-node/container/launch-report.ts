import type { LaunchReport, LaunchStepReport } from "#contracts/api.ts";
import { errnoName } from "#kernel/errno.ts";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { PlanOutcomes } from "#kernel/plan/clone.ts";
import { formatClone, formatStep } from "#kernel/plan/format-step.ts";
import type { HostStep, Step, StepOutcome } from "#kernel/plan/step.ts";

/** A plan and how it went, for `inspect --plan`. */
export function launchReport(instanceId: string, plan: ChildPlan, outcomes: PlanOutcomes, ran: boolean): LaunchReport {
  const child = stepReports("child", plan.child, outcomes.child);
  // An execve that succeeds does not return: of a launch that ran it is the first without a result.
  const executed = child.find(({ call, result }) => /^execve(at)?\(/.test(call) && result === null);
  if (ran && executed !== undefined) executed.result = 0;
  return {
    instanceId,
    steps: [
      ...stepReports("host", plan.prepare, outcomes.prepare),
      { where: "host", name: "clone", call: formatClone(plan.namespaces), ...stepResult(outcomes.clone) },
      ...stepReports("host", plan.parked, outcomes.parked),
      ...child,
    ],
  };
}

function stepReports(
  where: LaunchStepReport["where"],
  steps: readonly (Step | HostStep)[],
  outcomes: readonly StepOutcome[],
): LaunchStepReport[] {
  return steps.map((step, index) => ({ where, name: step.name, call: formatStep(step), ...stepResult(outcomes[index]) }));
}

function stepResult(outcome: StepOutcome | undefined): Pick<LaunchStepReport, "result" | "errno" | "microseconds"> {
  const { result = null, microseconds = null } = outcome ?? {};
  const errno = result !== null && result < 0 ? errnoName(-result) : null;
  return { result: errno === null ? result : -1, errno, microseconds };
}
