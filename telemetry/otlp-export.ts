import { parseResource } from "./resource.ts";
import type { SendBatch } from "./span-shipper.ts";
import type { FailureLog } from "./failure-log.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_TIMEOUT_MS = 10_000;
/** Worth another try (OTLP, "OTLP/HTTP Response", "Failures"); what is refused otherwise would be refused again. */
const RETRYABLE = new Set([408, 429, 502, 503, 504]);

/** Where traces go (OpenTelemetry, "OTLP Exporter Configuration"): the variant for traces is taken as it is, the other is a base. */
export function tracesEndpoint(environment: Environment): string | undefined {
  const own = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  if (own) return own;
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  return base ? `${base.replace(/\/$/, "")}/v1/traces` : undefined;
}

/** Posts batches to an OTLP/HTTP receiver, as JSON. */
export function otlpExport(endpoint: string, environment: Environment, log: FailureLog): SendBatch {
  const headers = { "content-type": "application/json", ...parseResource(headersOf(environment)) };
  const timeoutMs = Number(environment.OTEL_EXPORTER_OTLP_TIMEOUT) || DEFAULT_TIMEOUT_MS;
  return async (batch, closing) => {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
    const response = await post(endpoint, headers, JSON.stringify(batch), signal);
    if (response.status >= 200 && response.status < 300) return;
    const answer = `${endpoint} answered ${response.status}`;
    if (RETRYABLE.has(response.status)) throw new Error(answer);
    log.error(`spans are lost: ${answer}`);
  };
}

async function post(url: string, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<Response> {
  try {
    const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
    await response.arrayBuffer();
    return response;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw new Error(`${url} cannot be reached: ${String(cause ?? error)}`, { cause: error });
  }
}

const headersOf = (environment: Environment): string =>
  [environment.OTEL_EXPORTER_OTLP_HEADERS, environment.OTEL_EXPORTER_OTLP_TRACES_HEADERS].filter(Boolean).join(",");
