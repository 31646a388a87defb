import { type Attributes, type Span, type SpanOptions, SpanStatusCode, trace } from "@opentelemetry/api";

/**
 * Runs `work` in a span of its own, a child of the active one. What it throws is recorded with its code and thrown on.
 *
 * @param tracerName the part of Slipway, such as `slipway.agent`
 */
export async function inSpan<Result>(
  tracerName: string,
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result> | Result,
  options: Omit<SpanOptions, "attributes"> = {},
): Promise<Result> {
  return trace.getTracer(tracerName).startActiveSpan(name, { ...options, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      recordError(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Marks a span as failed: `error.type` is the error's code where it has one (OpenTelemetry, "Recording errors"). */
export function recordError(span: Span, error: unknown): void {
  const exception = error instanceof Error ? error : new Error(String(error));
  const { code } = exception as { code?: unknown };
  span.recordException(exception);
  span.setAttribute("error.type", typeof code === "string" ? code : exception.name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: exception.message });
}
