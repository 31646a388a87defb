import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { context, propagation, trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { defineErrors } from "#contracts/slipway-error.ts";
import { inSpan } from "./in-span.ts";
import { startTelemetry } from "./start.ts";
import { OtlpReceiver } from "./testing/otlp-receiver.ts";

const CALLER = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "vendor=1" };
const testError = defineErrors({ SLIPWAY_TEST_FAILED: { status: 500, remedy: "None." } });

const fromCaller = () => propagation.extract(context.active(), CALLER);
function injected(): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}

test("spans are exported with their parents, attributes, errors and the process they are of", async () => {
  await using receiver = await OtlpReceiver.start();
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.endpoint}/` };
  const telemetry = await startTelemetry({ service: "slipway-agent", version: "0.1.0", environment });
  const failing = context.with(fromCaller(), () =>
    inSpan("slipway.agent", "launch", { instance: "web-1" }, async () => {
      await inSpan("slipway.agent", "mount", { layers: 3 }, async () => await Promise.resolve());
      throw testError("SLIPWAY_TEST_FAILED", "no such command");
    }),
  );
  await expect(failing).rejects.toThrow("no such command");
  await telemetry[Symbol.asyncDispose]();
  const launch = receiver.spans.find(({ name }) => name === "launch")!;
  const mount = receiver.spans.find(({ name }) => name === "mount")!;
  expect(receiver.spans).toHaveLength(2);
  expect(launch).toMatchObject({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parentSpanId: "b7ad6b7169203331",
    attributes: { instance: "web-1", "error.type": "SLIPWAY_TEST_FAILED" },
    status: { code: 2, message: "no such command" },
    events: ["exception"],
    resource: { "service.name": "slipway-agent", "service.version": "0.1.0" },
  });
  expect(mount).toMatchObject({ traceId: launch.traceId, parentSpanId: launch.spanId, attributes: { layers: 3 } });
});

test("without an endpoint the caller's context is carried over awaits, and nothing is recorded", async () => {
  await using _telemetry = await startTelemetry({ service: "slipway-agent", version: "0.1.0", environment: {} });
  const carried = await context.with(fromCaller(), () =>
    inSpan("slipway.agent", "launch", {}, async (span) => {
      expect(span.isRecording()).toBe(false);
      await Promise.resolve();
      return injected();
    }),
  );
  expect(carried).toEqual(CALLER);
  expect(injected()).toEqual({});
});

test("contexts of calls at the same time do not mix", async () => {
  await using _telemetry = await startTelemetry({ service: "slipway-agent", version: "0.1.0", environment: {} });
  const ids = Array.from({ length: 20 }, (_, n) => (n + 1).toString(16).padStart(32, "0"));
  const seen = await Promise.all(
    ids.map((id) => {
      const caller = propagation.extract(context.active(), { traceparent: `00-${id}-b7ad6b7169203331-01` });
      return context.with(caller, async () => {
        for (let n = 0; n < 5; n++) await Promise.resolve();
        return trace.getActiveSpan()?.spanContext().traceId;
      });
    }),
  );
  expect(seen).toEqual(ids);
});

test("a receiver that is away does not hold up the end, and is named once", async () => {
  const script = `
    import { startTelemetry } from "${join(import.meta.dirname, "start.ts")}";
    import { inSpan } from "${join(import.meta.dirname, "in-span.ts")}";
    const telemetry = await startTelemetry({ service: "x", version: "1" });
    for (let n = 0; n < 3; n++) await inSpan("x", "work", {}, () => undefined);
    await telemetry[Symbol.asyncDispose]();
  `;
  const { stderr } = await runNode(script, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" });
  expect(stderr.match(/^telemetry: /gm)).toHaveLength(1);
});

test("nothing of OpenTelemetry is loaded but its API", async () => {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { startTelemetry } = await import("${join(import.meta.dirname, "start.ts")}");
    await startTelemetry({ service: "x", version: "1", ships: true });
    const packages = loaded.flatMap((url) => url.match(/node_modules\\/(@opentelemetry\\/[^/]+)/)?.[1] ?? []);
    console.log([...new Set(packages)].join());
  `;
  const { stdout } = await runNode(script, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" });
  expect(stdout.trim()).toBe("@opentelemetry/api");
});

function runNode(script: string, environment: Record<string, string>, ...args: string[]) {
  const options = { env: { PATH: process.env.PATH, ...environment }, timeout: 20_000 };
  return promisify(execFile)(process.execPath, ["--input-type=module-typescript", "-e", script, ...args], options);
}
