import type { SpanBatch } from "#contracts/trace.ts";

type OtlpSpan = SpanBatch["resourceSpans"][number]["scopeSpans"][number]["spans"][number];
type OtlpAttributes = NonNullable<OtlpSpan["attributes"]>;
type OtlpValue = OtlpAttributes[number]["value"];

/** A span as it is stored. */
export interface SpanRow {
  traceId: string;
  spanId: string;
  parentId: string | null;
  name: string;
  process: string;
  project: string | null;
  service: string | null;
  startNs: bigint;
  durationNs: number;
  /** 0 unset, 1 ok, 2 error. */
  status: number;
  message: string | null;
  /** JSON objects and arrays. */
  attributes: string;
  events: string;
  links: string;
}

const STATUS_CODES: Readonly<Record<string, number>> = { STATUS_CODE_OK: 1, STATUS_CODE_ERROR: 2 };
/** A day: no span of ours is longer, and a sum of them stays a safe number. */
const LONGEST_NS = 86_400_000_000_000n;

export function flattenBatch(batch: SpanBatch): SpanRow[] {
  return batch.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const { "service.name": process = "unknown" } = readAttributes(resource?.attributes);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => toRow(span, String(process))));
  });
}

function toRow(span: OtlpSpan, process: string): SpanRow {
  const startNs = BigInt(span.startTimeUnixNano);
  const attributes = readAttributes(span.attributes);
  return {
    traceId: span.traceId.toLowerCase(),
    spanId: span.spanId.toLowerCase(),
    parentId: span.parentSpanId ? span.parentSpanId.toLowerCase() : null,
    name: span.name,
    process,
    project: textOf(attributes["slipway.project"]),
    service: textOf(attributes["slipway.service"]),
    startNs,
    durationNs: Number(clamp(BigInt(span.endTimeUnixNano) - startNs)),
    status: statusOf(span.status?.code),
    message: span.status?.message ?? null,
    attributes: JSON.stringify(attributes),
    events: JSON.stringify((span.events ?? []).map((event) => readEvent(event, startNs))),
    links: JSON.stringify((span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId }))),
  };
}

function readEvent({ name, timeUnixNano, attributes }: NonNullable<OtlpSpan["events"]>[number], startNs: bigint): object {
  const offset = timeUnixNano === undefined ? 0n : BigInt(timeUnixNano) - startNs;
  return { name, offsetNs: Number(clamp(offset)), attributes: readAttributes(attributes) };
}

const clamp = (nanoseconds: bigint): bigint =>
  nanoseconds < 0n ? 0n : nanoseconds > LONGEST_NS ? LONGEST_NS : nanoseconds;

const statusOf = (code: unknown): number =>
  typeof code === "string" ? (STATUS_CODES[code] ?? 0) : code === 1 || code === 2 ? code : 0;

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

function readAttributes(attributes: OtlpAttributes = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: OtlpValue): unknown {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue } = value;
  if (intValue !== undefined) return Number(intValue);
  if (doubleValue !== undefined) return Number(doubleValue);
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map((each) => readValue(each as OtlpValue));
  return stringValue ?? boolValue ?? null;
}
