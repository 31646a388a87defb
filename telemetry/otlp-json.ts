import type { Attributes } from "@opentelemetry/api";
import type { RecordingSpan } from "./recording-span.ts";

/** OTLP in JSON (opentelemetry-proto, "JSON Protobuf Encoding"): ids as hex, 64-bit numbers as strings, enums as numbers. */
export interface OtlpAttribute {
  key: string;
  value: object;
}

export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: OtlpAttribute[];
  events?: { timeUnixNano: string; name: string; attributes: OtlpAttribute[] }[];
  links?: { traceId: string; spanId: string; attributes: OtlpAttribute[] }[];
  status: { code: number; message?: string };
}

/** ExportTraceServiceRequest. */
export interface OtlpBatch {
  resourceSpans: {
    resource: { attributes: OtlpAttribute[] };
    scopeSpans: { scope: { name: string }; spans: OtlpSpan[] }[];
  }[];
}

export function encodeSpan(span: RecordingSpan): OtlpSpan {
  const { traceId, spanId } = span.spanContext();
  const { events, links, parentSpanId } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: span.name,
    // The API counts kinds from 0 (internal), the protocol from 1.
    kind: span.kind + 1,
    startTimeUnixNano: toNanoseconds(span.startMs),
    endTimeUnixNano: toNanoseconds(span.endMs),
    attributes: encodeAttributes(span.attributes),
    ...(events === undefined
      ? {}
      : {
          events: events.map(({ name, timeMs, attributes }) => ({
            timeUnixNano: toNanoseconds(timeMs),
            name,
            attributes: encodeAttributes(attributes),
          })),
        }),
    ...(links === undefined
      ? {}
      : {
          links: links.map(({ context, attributes = {} }) => ({
            traceId: context.traceId,
            spanId: context.spanId,
            attributes: encodeAttributes(attributes),
          })),
        }),
    status: span.status,
  };
}

/** Ids, times and the names of fields: of a span, of an event or a link, of an attribute, of a value in it. */
const SPAN_CHARACTERS = 230;
const PART_CHARACTERS = 75;
const ATTRIBUTE_CHARACTERS = 25;
const VALUE_CHARACTERS = 20;

/** A span's length as JSON, near enough to gather a batch: writing it down only to count would cost as much as to send it. */
export function approximateSize({ name, attributes, events = [], links = [], status }: OtlpSpan): number {
  const parts = [...events, ...links.map((link) => ({ ...link, name: "" }))];
  return parts.reduce(
    (sum, part) => sum + PART_CHARACTERS + part.name.length + sizeOfAttributes(part.attributes),
    SPAN_CHARACTERS + name.length + (status.message?.length ?? 0) + sizeOfAttributes(attributes),
  );
}

function sizeOfAttributes(attributes: readonly OtlpAttribute[]): number {
  return attributes.reduce((sum, { key, value }) => sum + ATTRIBUTE_CHARACTERS + key.length + sizeOfValue(value), 0);
}

function sizeOfValue(value: object): number {
  if ("stringValue" in value) return VALUE_CHARACTERS + (value.stringValue as string).length;
  if (!("arrayValue" in value)) return VALUE_CHARACTERS;
  const { values } = value.arrayValue as { values: object[] };
  return values.reduce((sum, each) => sum + sizeOfValue(each), VALUE_CHARACTERS);
}

/** Spans of one process, under their tracers. */
export function encodeBatch(resource: Attributes, spans: readonly { scope: string; span: OtlpSpan }[]): OtlpBatch {
  const scopes = Map.groupBy(spans, ({ scope }) => scope);
  return {
    resourceSpans: [
      {
        resource: { attributes: encodeAttributes(resource) },
        scopeSpans: [...scopes].map(([name, own]) => ({ scope: { name }, spans: own.map(({ span }) => span) })),
      },
    ],
  };
}

export function encodeAttributes(attributes: Attributes): OtlpAttribute[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: encodeValue(value) }],
  );
}

function encodeValue(value: unknown): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(encodeValue) } };
  return {};
}

/** A double holds the epoch's milliseconds to a quarter of a microsecond: what is below is not known. */
export function toNanoseconds(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  const rest = Math.round((milliseconds - whole) * 1e3) * 1e3;
  return String(BigInt(whole) * 1_000_000n + BigInt(rest));
}
