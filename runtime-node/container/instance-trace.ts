import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
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
  const { traceparent } = assignment;
  const parent = traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent });
  return inSpan(name, { attributes: attributesOf(assignment) }, parent, work);
}

const attributesOf = ({ instanceId, project, service }: Assignment): Attributes => ({
  "slipway.instance.id": instanceId,
  "slipway.project": project,
  "slipway.service": service,
});

/**
 * Runs work in a trace of its own that is linked to the one which asked for the instance: what happens by itself, and may happen for ever,
 * does not belong to a deploy of long ago.
 */
export async function inLinkedTrace<Result>(
  assignment: Assignment,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const asked = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent: assignment.traceparent }));
  const links = asked === undefined ? [] : [{ context: asked }];
  return inSpan(name, { attributes: attributesOf(assignment), links }, ROOT_CONTEXT, work);
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
  let startedAtMs = trace.getSpan(within) === undefined ? undefined : performance.now();
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
