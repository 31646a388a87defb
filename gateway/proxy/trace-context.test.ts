import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { SpanBatch } from "#contracts/trace.ts";
import { startTelemetry, type Telemetry } from "#telemetry/start.ts";
import { ask } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

type Span = SpanBatch["resourceSpans"][number]["scopeSpans"][number]["spans"][number];

const SERVER = 2;
const ERROR = 2;
let telemetry: Telemetry;
let spans: Span[] = [];
let gateway: TestGateway;
let upstream: TestUpstream;

beforeAll(async () => {
  telemetry = await startTelemetry({ service: "gateway", version: "1", environment: {}, ships: true });
  telemetry.shipTo(async ({ resourceSpans }) => {
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans as Span[])));
  });
  gateway = await startGateway();
  upstream = await startUpstream((_request, response) => void response.end("ok"));
  gateway.route("shop.test", "/api", [upstream.target()]);
  gateway.route("empty.test", "/", []);
});

beforeEach(() => void (spans = []));

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await telemetry[Symbol.asyncDispose]();
});

const sent = (count: number): Promise<Span[]> =>
  vi.waitFor(() => {
    expect(spans).toHaveLength(count);
    return spans;
  });
const attributesOf = (span: Span): Record<string, unknown> =>
  Object.fromEntries((span.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));

test("a request's span continues the client's trace, and the target's is its child", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await ask(gateway, "shop.test", "/api/x?secret=1", { headers: { traceparent } });
  const [span] = (await sent(1)) as [Span];
  const { traceId, spanId } = span;
  expect(span).toMatchObject({ name: "gateway request", kind: SERVER, parentSpanId: "00f067aa0ba902b7" });
  expect(traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  expect(upstream.requests.at(-1)?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  expect(attributesOf(span)).toMatchObject({
    "http.request.method": "GET",
    "http.response.status_code": "200",
    "http.route": "/api",
  });
  expect(JSON.stringify(span)).not.toContain("secret");
});

test("a request that the gateway could not answer has a span that says why", async () => {
  await ask(gateway, "empty.test", "/");
  const [span] = (await sent(1)) as [Span];
  expect(span.status?.code).toBe(ERROR);
  expect(attributesOf(span)["http.response.status_code"]).toBe("503");
  expect(JSON.stringify(span.events)).toContain("no instance");
});

test("the first answer of a new instance is in the trace that started it, once", async () => {
  const deploy = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", parentSpanId: "00f067aa0ba902b7" };
  const traceparent = `00-${deploy.traceId}-${deploy.parentSpanId}-01`;
  gateway.route("new.test", "/", [{ ...upstream.target(), instanceId: "0000000000aa", traceparent }]);
  await ask(gateway, "new.test", "/");
  await ask(gateway, "new.test", "/");
  const [first, ...requests] = await sent(3);
  expect(first).toMatchObject({ ...deploy, name: "first request" });
  expect(attributesOf(first!)["slipway.instance.id"]).toBe("0000000000aa");
  expect(requests.map(({ name }) => name)).toEqual(["gateway request", "gateway request"]);
  expect(first?.links?.[0]?.spanId).toBe(requests[0]?.spanId);
});

test("an instance that comes back from a restart is no news, one that was asked to start again is", async () => {
  const asked = (spanId: string) => `00-4bf92f3577b34da6a3ce929d0e0e4736-${spanId}-01`;
  const show = (spanId: string): void =>
    gateway.route("back.test", "/", [{ ...upstream.target(), instanceId: "0000000000bb", traceparent: asked(spanId) }]);
  for (const spanId of ["00000000000000a1", "00000000000000a1", "00000000000000a2"]) {
    show(spanId);
    expect((await ask(gateway, "back.test", "/")).status).toBe(200);
    gateway.removeRoute("back.test", "/");
  }
  await vi.waitFor(() => {
    const firsts = spans.filter(({ name }) => name === "first request");
    expect(firsts.map(({ parentSpanId }) => parentSpanId)).toEqual(["00000000000000a1", "00000000000000a2"]);
  });
});

test("a flood of sampled requests is answered, and a few of their spans are kept", async () => {
  const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
  for (let round = 0; round < 40; round += 1)
    expect((await ask(gateway, "shop.test", "/api", { headers })).status).toBe(200);
  await vi.waitFor(() => expect(spans.length).toBeGreaterThan(0));
  expect(spans.length).toBeLessThan(40);
});
