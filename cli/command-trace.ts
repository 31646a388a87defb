import { randomBytes } from "node:crypto";
import type { SpanContext } from "@opentelemetry/api";
import type { ApiClient } from "./api/client.ts";
import { recordSpans } from "./api/resources.ts";
import { packageVersion } from "#contracts/package-version.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface TracedCommand {
  verb: string;
  /** The verb changes something: its own span begins the trace that is kept of it. */
  traced: boolean;
  environment: Environment;
  api: (traceparent: string) => ApiClient;
}

/**
 * Runs a command in a trace: all its requests carry the traceparent (W3C Trace Context), so that what they cause is one trace. TRACEPARENT in
 * the environment makes it part of one that is under way. The span of a command that changes something goes to the platform's store, and to
 * where traces are exported.
 */
export async function inCommandTrace<Result>(
  command: TracedCommand,
  work: (api: ApiClient) => Promise<Result>,
): Promise<Result> {
  const { environment } = command;
  const exported = environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  if (command.traced || exported) return inRecordedSpan(command, work);
  using api = command.api(newTraceparent(environment));
  return await work(api);
}

/** The tracing library is loaded only where it is used: most commands only look. */
async function inRecordedSpan<Result>(
  { verb, traced, environment, api: open }: TracedCommand,
  work: (api: ApiClient) => Promise<Result>,
): Promise<Result> {
  const { context, propagation } = await import("@opentelemetry/api");
  const { startTelemetry } = await import("#telemetry/start.ts");
  const { inSpan } = await import("#telemetry/in-span.ts");
  const options = { service: "slipway-cli", version: packageVersion(), environment, ships: traced };
  await using telemetry = await startTelemetry(options);
  await using resources = new AsyncDisposableStack();
  const parent = propagation.extract(context.active(), { traceparent: environment.TRACEPARENT });
  // Awaited here: tracing must not end before the command does.
  return await context.with(parent, () =>
    inSpan("slipway.cli", `slipway ${verb}`, {}, async (span) => {
      const api = resources.use(open(formatTraceparent(span.spanContext())));
      // Disposed of before the connection is: what is recorded goes by it, once, and is let go when nobody takes it.
      if (traced)
        resources.use(telemetry.shipTo((batch, signal) => recordSpans(api, batch, signal).catch(() => undefined)));
      return await work(api);
    }),
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
