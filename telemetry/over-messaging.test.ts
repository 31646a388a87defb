import { trace } from "@opentelemetry/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectPlatform } from "#messaging/connect.ts";
import type { Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { inSpan } from "./in-span.ts";
import { startTelemetry } from "./start.ts";
import { OtlpReceiver } from "./testing/otlp-receiver.ts";

let server: ScratchServer;
let control: Platform;
let agent: Platform;

beforeAll(async () => {
  server = await ScratchServer.start();
  control = await connectPlatform(server.as("control"));
  agent = await connectPlatform(server.as("agent"));
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("one trace goes through a request, a stream and an event", async () => {
  await using receiver = await OtlpReceiver.start();
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
  const telemetry = await startTelemetry({ service: "slipway-test", version: "0.1.0", environment });
  const { promise: told, resolve: tell } = Promise.withResolvers<string | undefined>();
  const serving = agent.serve("slipway.node.n1.plan", async (_request, call) => {
    tell(call.traceparent);
    await inSpan("slipway.agent", "plan", {}, () =>
      agent.events.append({ type: "node.started", source: "/test", subject: "n1" }),
    );
  });
  const streaming = agent.serveStreams("slipway.node.n1.exec", () => inSpan("slipway.agent", "exec", {}, () => undefined));
  await agent.flush();
  const traceId = await inSpan("slipway.api", "deploy", {}, async (span) => {
    await control.request("slipway.node.n1.plan", {});
    const stream = await control.openStream("slipway.node.n1.exec", {});
    for await (const _chunk of stream.incoming) throw new Error("nothing was sent");
    await stream[Symbol.asyncDispose]();
    return span.spanContext().traceId;
  });
  const [recorded] = await Array.fromAsync(control.events.read({ signal: new AbortController().signal }));
  await streaming[Symbol.asyncDispose]();
  await serving[Symbol.asyncDispose]();
  await telemetry[Symbol.asyncDispose]();
  const [deploy, plan, exec] = ["deploy", "plan", "exec"].map((name) => receiver.spans.find((span) => span.name === name));
  expect([deploy?.traceId, plan?.traceId, exec?.traceId]).toEqual([traceId, traceId, traceId]);
  expect([plan?.parentSpanId, exec?.parentSpanId]).toEqual([deploy?.spanId, deploy?.spanId]);
  expect(await told).toContain(traceId);
  expect(recorded?.event.traceparent).toContain(`${traceId}-${plan?.spanId}`);
  expect(trace.getActiveSpan()).toBeUndefined();
});
