import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ask } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let gateway: TestGateway;
let upstream: TestUpstream;

beforeAll(async () => {
  provider.register();
  gateway = await startGateway();
  upstream = await startUpstream((_request, response) => void response.end("ok"));
  gateway.route("shop.test", "/api", [upstream.target()]);
  gateway.route("empty.test", "/", []);
});

beforeEach(() => exporter.reset());

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await provider.shutdown();
});

async function onlySpan(): Promise<ReturnType<InMemorySpanExporter["getFinishedSpans"]>[number]> {
  return vi.waitFor(() => {
    const [span, ...more] = exporter.getFinishedSpans();
    if (span === undefined || more.length > 0) throw new Error(`${exporter.getFinishedSpans().length} spans`);
    return span;
  });
}

test("a request's span continues the client's trace, and the target's is its child", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await ask(gateway, "shop.test", "/api/x?secret=1", { headers: { traceparent } });
  const span = await onlySpan();
  const { traceId, spanId } = span.spanContext();
  expect(span).toMatchObject({
    name: "gateway request",
    kind: SpanKind.SERVER,
    parentSpanContext: { spanId: "00f067aa0ba902b7" },
  });
  expect(traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  expect(upstream.requests.at(-1)?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  expect(span.attributes).toMatchObject({
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/api",
  });
  expect(JSON.stringify(span.attributes)).not.toContain("secret");
});

test("a request that the gateway could not answer has a span that says why", async () => {
  await ask(gateway, "empty.test", "/");
  const span = await onlySpan();
  expect(span.status.code).toBe(SpanStatusCode.ERROR);
  expect(span.attributes["http.response.status_code"]).toBe(503);
  expect(span.events[0]?.attributes?.["exception.message"]).toContain("no instance");
});
