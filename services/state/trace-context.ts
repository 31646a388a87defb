import { type Context, ROOT_CONTEXT, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";

/** The context that a stored W3C traceparent names; the root where there is none. */
export function contextOf(traceparent: string | undefined): Context {
  return traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent });
}

/** The active context's W3C traceparent, to be stored with what follows from it. */
export function activeTraceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** For what is stored and acted on: it belongs to the trace of who asks now, not of who asked before. */
export function ownTrace(): { traceparent?: string } {
  const traceparent = activeTraceparent();
  return traceparent === undefined ? {} : { traceparent };
}

/** Runs `work` in a span of its own, a child of `parent`. */
export async function inSpan<Result>(
  name: string,
  attributes: Record<string, string>,
  parent: Context,
  work: () => Promise<Result>,
): Promise<Result> {
  return trace.getTracer("slipway").startActiveSpan(name, { attributes }, parent, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}
