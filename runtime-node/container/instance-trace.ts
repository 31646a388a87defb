import { context, propagation, type SpanOptions, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Assignment } from "#contracts/instance.ts";
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
