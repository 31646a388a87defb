import {
  type Attributes,
  type Context,
  context,
  propagation,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { Assignment, HealthState } from "#contracts/instance.ts";
import { hasCode } from "#contracts/slipway-error.ts";

/** Runs work in a span of the trace that asked for the instance (W3C Trace Context, from the assignment). */
export async function inParentTrace<Result>(
  assignment: Assignment,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const { traceparent, instanceId, project, service } = assignment;
  const parent = traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent });
  const options: SpanOptions = {
    attributes: { "slipway.instance.id": instanceId, "slipway.project": project, "slipway.service": service },
  };
  return inSpan(name, options, parent, work);
}

/** A stage of a start, as a span within it. */
export async function inStage<Result>(
  name: string,
  work: () => Promise<Result>,
  attributes: Attributes = {},
): Promise<Result> {
  return inSpan(name, { attributes }, context.active(), work);
}

/** Returns what ends the span of a start's last stage: from now until its container is first found to be healthy. */
export function untilHealthy(): (health: HealthState) => void {
  const within = context.active();
  let startedAtMs = trace.getSpan(within) === undefined ? undefined : performance.timeOrigin + performance.now();
  return (health) => {
    if (health !== "healthy" || startedAtMs === undefined) return;
    trace.getTracer("slipway/agent").startSpan("become healthy", { startTime: startedAtMs }, within).end();
    startedAtMs = undefined;
  };
}

async function inSpan<Result>(
  name: string,
  options: SpanOptions,
  parent: Context,
  work: () => Promise<Result>,
): Promise<Result> {
  return trace.getTracer("slipway/agent").startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      if (hasCode(error)) span.setAttribute("error.type", error.code);
      throw error;
    } finally {
      span.end();
    }
  });
}
