import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "#gateway/testing/clients.ts";
import { OtlpReceiver, type ReceivedSpan } from "#telemetry/testing/otlp-receiver.ts";
import { appService, composeFile, ECHO_HEALTHCHECK } from "./apps.ts";
import { TestPlatform } from "./platform.ts";

const HOST = "traced.test";
/** Batches are sent every second. */
const ARRIVAL_MS = 15_000;
let receiver: OtlpReceiver;
let platform: TestPlatform;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  platform = await TestPlatform.start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint } });
  const project = await platform.compose(
    composeFile({
      web: appService("echo", {
        healthcheck: ECHO_HEALTHCHECK,
        "x-slipway": { route: { host: HOST, port: 8080 } },
      }),
    }),
    "traced",
  );
  await project.up();
}, 120_000);

afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
}, 120_000);

/** The spans of one trace, when they are what is waited for. */
async function traceOf(
  isPart: (span: ReceivedSpan) => boolean,
  isWhole: (trace: ReceivedSpan[]) => boolean,
): Promise<ReceivedSpan[]> {
  const deadline = performance.now() + ARRIVAL_MS;
  for (;;) {
    const traceId = receiver.spans.find(isPart)?.traceId;
    const trace = receiver.spans.filter((span) => span.traceId === traceId);
    if (trace.length > 0 && isWhole(trace)) return trace;
    if (performance.now() > deadline) throw new Error(`the trace is not whole:\n${describe(trace).join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const serviceOf = ({ resource }: ReceivedSpan): unknown => resource["service.name"];
const describe = (trace: ReceivedSpan[]): string[] => trace.map((span) => `${String(serviceOf(span))}: ${span.name}`);

test("`up` is one trace, from the command through API, controller and agent to the steps of the launch", async () => {
  const wanted = [
    "slipway-cli: slipway up",
    "slipway-control: PUT /v1/projects/:project",
    "slipway-control: controller create-assignment",
    "slipway-agent: instance start",
    "slipway-agent: launch prepare",
    "slipway-agent: launch parked",
    "slipway-agent: launch child",
  ];
  const trace = await traceOf(
    (span) => span.name === "slipway up",
    (spans) => wanted.every((line) => describe(spans).includes(line)),
  );
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const roots = trace.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ""));
  expect(describe(roots)).toEqual(["slipway-cli: slipway up"]);
  // Its steps that took long enough to matter.
  expect(trace.find(({ name }) => name === "launch child")?.events.length).toBeGreaterThan(3);
});

test("a request through the gateway is one trace, which the container goes on with", async () => {
  const ca = await platform.ok(["ca", "show"]);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  const answer = await ask({ httpsPort: platform.httpsPort, ca }, HOST, "/", { headers });
  const seen = JSON.parse(answer.body) as { headers: { traceparent: string } };
  const [, receivedTrace, receivedParent] = seen.headers.traceparent.split("-");
  const [span] = await traceOf(
    (one) => one.traceId === traceId,
    (spans) => spans.length > 0,
  );
  expect(receivedTrace).toBe(traceId);
  expect(span).toMatchObject({ name: "gateway request", spanId: receivedParent, parentSpanId: "b7ad6b7169203331" });
  expect(span?.resource).toMatchObject({ "service.name": "slipway-gateway" });
});
