import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncContext } from "./async-context.ts";
import { FailureLog } from "./failure-log.ts";
import { otlpExport, tracesEndpoint } from "./otlp-export.ts";
import { resourceOf } from "./resource.ts";
import { type SendBatch, SpanShipper, type ShipperOptions } from "./span-shipper.ts";
import { SpanProvider } from "./span-tracer.ts";
import { W3cTraceContext } from "./w3c-trace-context.ts";

export interface TelemetryOptions {
  /** The process, such as `slipway-agent`; OTEL_SERVICE_NAME overrides it. */
  service: string;
  version: string;
  /** `process.env` when absent. */
  environment?: Record<string, string | undefined>;
  /** Spans are kept for who calls `shipTo`; else only where there is an OTLP endpoint. */
  ships?: boolean;
}

export interface Telemetry extends AsyncDisposable {
  /** Spans go to a receiver of the operator's, which has its own mind about how many it keeps. */
  readonly exports: boolean;
  /** Gives the spans so far, and all that follow, to the platform's store; until disposed, which gives what is left. */
  shipTo(send: SendBatch): AsyncDisposable;
}

/** A person who looks at the trace of what was just done should find it. */
const STORE = { delayMs: 200, patienceMs: 1_000 };
const EXPORT = { delayMs: 1_000, patienceMs: 5_000 };

/**
 * Sets up tracing for this process, once, before its first span. Spans go to the platform's store (`ships`), and with
 * OTEL_EXPORTER_OTLP_ENDPOINT (or its variant for traces) set, as OTLP over HTTP to there as well; with neither they are not recorded, and the
 * context of a caller is still carried on. Disposal sends what is left, for at most 5 seconds.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const environment = options.environment ?? process.env;
  const log = new FailureLog();
  const shipper: Pick<ShipperOptions, "resource" | "log"> = {
    resource: resourceOf(options.service, options.version, environment),
    log,
  };
  const endpoint = tracesEndpoint(environment);
  const store = options.ships === true ? new SpanShipper({ ...shipper, ...STORE }) : undefined;
  const exporting =
    endpoint === undefined ? undefined : new SpanShipper({ ...shipper, ...EXPORT }, otlpExport(endpoint, environment, log));
  context.setGlobalContextManager(new AsyncContext());
  propagation.setGlobalPropagator(new W3cTraceContext());
  const shippers = [store, exporting].filter((one) => one !== undefined);
  if (shippers.length > 0) {
    trace.setGlobalTracerProvider(new SpanProvider((span) => shippers.forEach((one) => one.push(span))));
  }
  return {
    exports: exporting !== undefined,
    shipTo: (send) => store?.open(send) ?? { [Symbol.asyncDispose]: async () => {} },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(shippers.map((one) => one[Symbol.asyncDispose]()));
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}
