import type { Attributes } from "@opentelemetry/api";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the spans of a process are of. Last wins: what the operator says in OTEL_RESOURCE_ATTRIBUTES, then OTEL_SERVICE_NAME
 * (OpenTelemetry, "Resource SDK", "Specifying resource information via an environment variable").
 */
export function resourceOf(service: string, version: string, environment: Environment): Attributes {
  const named = environment.OTEL_SERVICE_NAME;
  return {
    "telemetry.sdk.name": "slipway",
    "telemetry.sdk.language": "nodejs",
    "process.pid": process.pid,
    "service.name": service,
    "service.version": version,
    ...parseResource(environment.OTEL_RESOURCE_ATTRIBUTES ?? ""),
    ...(named ? { "service.name": named } : {}),
  };
}

/** `key=value,key=value`, percent-encoded; what cannot be decoded is left as it is. */
export function parseResource(text: string): Record<string, string> {
  const pairs = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    const key = pair.slice(0, at).trim();
    return at > 0 && key !== "" ? [[key, decode(pair.slice(at + 1).trim())] as const] : [];
  });
  return Object.fromEntries(pairs);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
