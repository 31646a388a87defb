import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncContext } from "./async-context.ts";
import { W3cTraceContext } from "./w3c-trace-context.ts";

export interface TelemetryOptions {
  /** The process, such as `slipway-agent`; OTEL_SERVICE_NAME overrides it. */
  service: string;
  version: string;
  /** `process.env` when absent. */
  environment?: Record<string, string | undefined>;
}

/**
 * Sets up tracing for this process, once, before its first span. With OTEL_EXPORTER_OTLP_ENDPOINT (or its variant for traces) set, spans
 * are exported there as OTLP over HTTP; without, they are not recorded, and the context of a caller is still carried on. Disposal sends what is
 * left, for at most 5 seconds.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<AsyncDisposable> {
  const environment = options.environment ?? process.env;
  context.setGlobalContextManager(new AsyncContext());
  propagation.setGlobalPropagator(new W3cTraceContext());
  const endpoint = tracesEndpoint(environment);
  const exporting = endpoint === undefined ? undefined : await startExport({ ...options, environment, endpoint });
  return {
    [Symbol.asyncDispose]: async () => {
      await exporting?.[Symbol.asyncDispose]();
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}

/** The SDK is most of a process's start-up time: it is loaded when it is used. */
async function startExport(options: TelemetryOptions & { endpoint: string }): Promise<AsyncDisposable> {
  const { exportTraces } = await import("./export.ts");
  return exportTraces(options);
}

/** Where traces go (OpenTelemetry, "OTLP Exporter Configuration"): the variant for traces is taken as it is, the other is a base. */
function tracesEndpoint(environment: Record<string, string | undefined>): string | undefined {
  const own = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  if (own) return own;
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  return base ? `${base.replace(/\/$/, "")}/v1/traces` : undefined;
}
