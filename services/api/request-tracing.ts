import { type Span, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Requests that only look: a command asks many while it waits, and they would hide what it did. */
const LOOKS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Runs every request in the caller's trace (W3C Trace Context), and those that change something in a span of their own. */
export function traceRequests(app: FastifyInstance): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  app.addHook("onRequest", (request, _reply, done) => {
    const parent = propagation.extract(context.active(), request.headers);
    const route = request.routeOptions.url ?? "unknown path";
    // Spans that come in are not to make spans of their own.
    if (LOOKS.has(request.method) || route.endsWith("/traces")) return context.with(parent, done);
    const attributes = { "http.request.method": request.method, "http.route": route };
    const span = trace
      .getTracer("slipway")
      .startSpan(`${request.method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
    spans.set(request, span);
    context.with(trace.setSpan(parent, span), done);
  });
  app.addHook("onResponse", (request, reply, done) => {
    const span = spans.get(request);
    span?.setAttribute("http.response.status_code", reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    done();
  });
}
