import { expect, test } from "vitest";
import type { PullProgress } from "#contracts/api.ts";
import { inSpan } from "#telemetry/in-span.ts";
import type { OtlpSpan } from "#telemetry/otlp-json.ts";
import { startTelemetry } from "#telemetry/start.ts";
import { inPullSpans } from "./pull-spans.ts";

const LAYER = `sha256:${"ab".repeat(32)}`;
const step = (phase: PullProgress["phase"], doneBytes = 0): PullProgress => ({
  phase,
  doneBytes,
  totalBytes: phase === "resolving" ? 0 : 100,
  ...(phase === "resolving" ? {} : { digest: LAYER }),
});

/** The spans that a pull makes, and what its caller was told of it. */
async function pull(steps: readonly PullProgress[], error?: Error): Promise<{ spans: OtlpSpan[]; told: PullProgress[] }> {
  const spans: OtlpSpan[] = [];
  const told: PullProgress[] = [];
  await using telemetry = await startTelemetry({ service: "x", version: "1", environment: {}, ships: true });
  await using _shipping = telemetry.shipTo(async ({ resourceSpans }) => {
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
  });
  const work = async (onProgress: (progress: PullProgress) => void): Promise<void> => {
    for (const each of steps) onProgress(each);
    if (error !== undefined) throw error;
  };
  await inSpan("x", "pull", {}, () => inPullSpans(work, (progress) => told.push(progress))).catch(() => undefined);
  return { spans, told };
}

test("each layer's download and unpacking is a span of the pull, and the caller hears of all of it", async () => {
  const steps = [
    step("resolving"),
    step("downloading"),
    step("downloading", 100),
    step("unpacking"),
    step("unpacking", 100),
  ];
  const { spans, told } = await pull(steps);
  const root = spans.find(({ name }) => name === "pull");
  const parts = spans.filter(({ name }) => name !== "pull");
  expect(parts.map(({ name }) => name)).toEqual(["resolve reference", "download", "unpack"]);
  expect(parts.every(({ parentSpanId }) => parentSpanId === root?.spanId)).toBe(true);
  expect(parts[1]?.attributes).toContainEqual({ key: "slipway.layer", value: { stringValue: "abababababab" } });
  expect(told).toEqual(steps);
});

test("a download that fails ends with the pull, as failed", async () => {
  const { spans } = await pull([step("downloading"), step("downloading", 50)], new Error("the registry is gone"));
  const download = spans.find(({ name }) => name === "download");
  expect(download?.status).toMatchObject({ code: 2, message: expect.stringContaining("the registry is gone") });
});
