import { randomBytes } from "node:crypto";
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { ClientRequest } from "./client-exchange.ts";

export interface TraceHeaders {
  traceparent: string;
  tracestate?: string;
}

/** One request's span, and the W3C Trace Context that its target receives. */
export interface RequestTrace {
  span: Span;
  headers: TraceHeaders;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** Continues the client's trace or begins one. Without an SDK the client's context, or a new one, goes through as it is. */
export function startRequestTrace(request: ClientRequest): RequestTrace {
  const { traceparent, tracestate } = request.headers;
  const parent = parseTraceparent(traceparent);
  const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  const span = trace
    .getTracer("slipway.gateway")
    .startSpan(
      "gateway request",
      { kind: SpanKind.SERVER, attributes: { "http.request.method": request.method ?? "" } },
      context,
    );
  const own = span.spanContext();
  const headers = { traceparent: formatTraceparent(isSpanContextValid(own) ? own : newSpanContext()) };
  // Trace Context, 3.3: tracestate means nothing without the traceparent that it came with.
  return { span, headers: parent !== undefined && typeof tracestate === "string" ? { ...headers, tracestate } : headers };
}

/** Ends the span with the answer's status, and the error that caused it. */
export function endRequestTrace({ span }: RequestTrace, status: number, error?: Error): void {
  span.setAttribute("http.response.status_code", status);
  if (error !== undefined) span.recordException(error);
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function parseTraceparent(value: unknown): SpanContext | undefined {
  const match = typeof value === "string" ? TRACEPARENT.exec(value) : null;
  if (match === null) return undefined;
  const context = {
    traceId: match[1] ?? "",
    spanId: match[2] ?? "",
    traceFlags: Number.parseInt(match[3] ?? "0", 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
  return isSpanContextValid(context) ? context : undefined;
}

function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

function newSpanContext(): SpanContext {
  return {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    traceFlags: TraceFlags.SAMPLED,
  };
}
