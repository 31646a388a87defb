import { randomUUID } from "node:crypto";
import {
  type Context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { ClientRequest } from "./client-exchange.ts";

/** One request's span, and the W3C Trace Context that its target receives. */
export interface RequestTrace {
  readonly span: Span;
  readonly headers: Record<string, string>;
  /** By performance.now(), which OpenTelemetry takes as well. */
  readonly startedAtMs: number;
}

/** Continues the client's trace or begins one. Where no spans are recorded, the client's context, or a new one, goes through. */
export function startRequestTrace(request: ClientRequest): RequestTrace {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const span = trace
    .getTracer("slipway.gateway")
    .startSpan(
      "gateway request",
      { kind: SpanKind.SERVER, attributes: { "http.request.method": request.method ?? "" } },
      parent,
    );
  const headers: Record<string, string> = {};
  propagation.inject(isSpanContextValid(span.spanContext()) ? trace.setSpan(parent, span) : newTrace(), headers);
  return { span, headers, startedAtMs: performance.now() };
}

/** Sampled, so that a service which records its own spans does so. Node draws the randomness of UUIDs in batches. */
function newTrace(): Context {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: randomUUID().replaceAll("-", ""),
    spanId: randomUUID().replaceAll("-", "").slice(16),
    traceFlags: TraceFlags.SAMPLED,
  });
}
