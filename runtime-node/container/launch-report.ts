import type { LaunchReport, LaunchStepReport } from "#contracts/api.ts";
import { errnoName } from "#kernel/errno.ts";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { PlanOutcomes } from "#kernel/plan/clone.ts";
import { formatStep } from "#kernel/plan/format-step.ts";
import type { HostStep, Step, StepOutcome } from "#kernel/plan/step.ts";

/** A plan and how it went, for `inspect --plan`. */
export function launchReport(instanceId: string, plan: ChildPlan, outcomes: PlanOutcomes): LaunchReport {
  return {
    instanceId,
    steps: [
      ...stepReports("host", plan.prepare, outcomes.prepare),
      ...stepReports("host", plan.parked, outcomes.parked),
      ...stepReports("child", plan.child, outcomes.child),
    ],
  };
}

function stepReports(
  where: LaunchStepReport["where"],
  steps: readonly (Step | HostStep)[],
  outcomes: readonly StepOutcome[],
): LaunchStepReport[] {
  return steps.map((step, index) => {
    const { result = null, microseconds = null } = outcomes[index] ?? {};
    const errno = result !== null && result < 0 ? errnoName(-result) : null;
    return { where, name: step.name, call: formatStep(step), result: errno === null ? result : -1, errno, microseconds };
  });
}
