import { randomBytes } from "node:crypto";
import type { SpanContext } from "@opentelemetry/api";
import { packageVersion } from "#contracts/package-version.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Runs a command in a trace: all its requests carry the traceparent (W3C Trace Context), so that what they cause is one trace. TRACEPARENT in
 * the environment makes it part of one that is under way. The command's own span is recorded where traces are exported.
 */
export async function inCommandTrace<Result>(
  verb: string,
  environment: Environment,
  work: (traceparent: string) => Promise<Result>,
): Promise<Result> {
  const exported = environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  return exported ? inRecordedSpan(verb, environment, work) : work(newTraceparent(environment));
}

/** The tracing library takes longer to load than most commands run: only where it is used. */
async function inRecordedSpan<Result>(
  verb: string,
  environment: Environment,
  work: (traceparent: string) => Promise<Result>,
): Promise<Result> {
  const { context, propagation } = await import("@opentelemetry/api");
  const { startTelemetry } = await import("#telemetry/start.ts");
  const { inSpan } = await import("#telemetry/in-span.ts");
  await using _telemetry = await startTelemetry({ service: "slipway-cli", version: packageVersion(), environment });
  const parent = propagation.extract(context.active(), { traceparent: environment.TRACEPARENT });
  // Awaited here: tracing must not end before the command does.
  return await context.with(parent, () =>
    inSpan("slipway.cli", `slipway ${verb}`, {}, (span) => work(formatTraceparent(span.spanContext()))),
  );
}

function newTraceparent(environment: Environment): string {
  const inherited = environment.TRACEPARENT;
  const spanId = randomBytes(8).toString("hex");
  if (inherited !== undefined && TRACEPARENT.test(inherited)) {
    return `${inherited.slice(0, 36)}${spanId}${inherited.slice(52)}`;
  }
  return `00-${randomBytes(16).toString("hex")}-${spanId}-01`;
}

function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
