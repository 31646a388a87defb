import { context, type Span, trace } from "@opentelemetry/api";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { PlanOutcomes } from "#kernel/plan/clone.ts";
import type { StepOutcome } from "#kernel/plan/step.ts";

/**
 * The phases of a launch as spans under `parent`, and in them the steps as events at their ends, with their microseconds: the times are
 * the stub's own, taken after each call.
 */
export function spanLaunch(parent: Span | undefined, plan: ChildPlan, outcomes: PlanOutcomes, startedAtMs: number): void {
  if (parent === undefined || !parent.isRecording()) return;
  const tracer = trace.getTracer("slipway/launch");
  const within = trace.setSpan(context.active(), parent);
  const phases = [
    ["launch prepare", plan.prepare, outcomes.prepare],
    ["launch parked", plan.parked, outcomes.parked],
    ["launch child", plan.child, outcomes.child],
  ] as const;
  let atMs = startedAtMs;
  for (const [name, steps, went] of phases) {
    const span = tracer.startSpan(name, { startTime: atMs, attributes: { "slipway.steps": steps.length } }, within);
    atMs = addStepEvents(
      span,
      steps.map((step) => step.name),
      went,
      atMs,
    );
    span.end(atMs);
  }
}

function addStepEvents(span: Span, names: readonly string[], outcomes: readonly StepOutcome[], startMs: number): number {
  let atMs = startMs;
  outcomes.forEach(({ result, microseconds }, index) => {
    atMs += (microseconds ?? 0) / 1000;
    if (microseconds === null) return;
    span.addEvent(names[index] ?? "", { result: result ?? 0, microseconds }, atMs);
  });
  return atMs;
}
