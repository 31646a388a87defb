import { diag, DiagLogLevel, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { FailureLog } from "./failure-log.ts";
import type { TelemetryOptions } from "./start.ts";

const EXPORT_DELAY_MS = 1_000;
const EXPORT_TIMEOUT_MS = 5_000;

/** Records spans and sends them to an OTLP/HTTP receiver in batches; disposal sends what is left. */
export function exportTraces(options: TelemetryOptions & { endpoint: string }): AsyncDisposable {
  diag.setLogger(new FailureLog(), { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
  const exporter = new OTLPTraceExporter({ url: options.endpoint, timeoutMillis: EXPORT_TIMEOUT_MS });
  const batches = new BatchSpanProcessor(exporter, {
    scheduledDelayMillis: EXPORT_DELAY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const named = resourceFromAttributes({ "service.name": options.service, "service.version": options.version });
  // Last wins: what the operator says in OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME.
  const resource = defaultResource()
    .merge(named)
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new NodeTracerProvider({ resource, spanProcessors: [batches] });
  // Context manager and propagator are set by start.ts.
  trace.setGlobalTracerProvider(provider);
  return {
    [Symbol.asyncDispose]: async () => {
      await shutDown(provider);
      diag.disable();
    },
  };
}

/** A receiver that is away does not hold the process up: the batch in hand is given up after its time. */
async function shutDown(provider: NodeTracerProvider): Promise<void> {
  const { promise: impatience, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, EXPORT_TIMEOUT_MS);
  try {
    await Promise.race([provider.shutdown(), impatience]);
  } catch (error) {
    diag.error("the last spans were not exported", error);
  } finally {
    clearTimeout(timer);
  }
}
