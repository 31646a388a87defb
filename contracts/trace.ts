import { type Static, Type } from "typebox";

const AttributeValue = Type.Object({
  stringValue: Type.Optional(Type.String()),
  boolValue: Type.Optional(Type.Boolean()),
  /** 64 bits, hence a string where it is written by the protocol's letter. */
  intValue: Type.Optional(Type.Union([Type.String(), Type.Number()])),
  doubleValue: Type.Optional(Type.Union([Type.Number(), Type.String()])),
  arrayValue: Type.Optional(Type.Object({ values: Type.Optional(Type.Array(Type.Unknown())) })),
});
const Attributes = Type.Array(Type.Object({ key: Type.String(), value: AttributeValue }));
const Nanoseconds = Type.Union([Type.String({ pattern: "^[0-9]{1,19}$" }), Type.Integer({ minimum: 0 })]);
const TraceId = Type.String({ pattern: "^[0-9a-fA-F]{32}$" });
const SpanId = Type.String({ pattern: "^[0-9a-fA-F]{16}$" });

/**
 * Spans as processes send them: OTLP's ExportTraceServiceRequest in JSON (opentelemetry/proto/collector/trace/v1, "JSON Protobuf
 * Encoding"). What is not named here may be there and is not kept.
 */
export const SpanBatch = Type.Object({
  resourceSpans: Type.Array(
    Type.Object({
      resource: Type.Optional(Type.Object({ attributes: Type.Optional(Attributes) })),
      scopeSpans: Type.Array(
        Type.Object({
          spans: Type.Array(
            Type.Object({
              traceId: TraceId,
              spanId: SpanId,
              parentSpanId: Type.Optional(Type.Union([SpanId, Type.Literal("")])),
              name: Type.String(),
              kind: Type.Optional(Type.Unknown()),
              startTimeUnixNano: Nanoseconds,
              endTimeUnixNano: Nanoseconds,
              attributes: Type.Optional(Attributes),
              events: Type.Optional(
                Type.Array(
                  Type.Object({
                    timeUnixNano: Type.Optional(Nanoseconds),
                    name: Type.String(),
                    attributes: Type.Optional(Attributes),
                  }),
                ),
              ),
              links: Type.Optional(Type.Array(Type.Object({ traceId: TraceId, spanId: SpanId }))),
              /** code: 0 unset, 1 ok, 2 error. */
              status: Type.Optional(
                Type.Object({ code: Type.Optional(Type.Unknown()), message: Type.Optional(Type.String()) }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
});
export type SpanBatch = Static<typeof SpanBatch>;

/** A trace in a list. */
export const TraceSummary = Type.Object({
  traceId: Type.String(),
  /** Of its root, or of its earliest span while the root is not there. */
  name: Type.String(),
  /** The first that a span of it names. */
  project: Type.Union([Type.String(), Type.Null()]),
  /** RFC 3339 with milliseconds. */
  startedAt: Type.String(),
  durationNs: Type.Integer(),
  spans: Type.Integer(),
  errors: Type.Integer(),
});
export type TraceSummary = Static<typeof TraceSummary>;

export const TraceSpan = Type.Object({
  spanId: Type.String(),
  parentSpanId: Type.Union([Type.String(), Type.Null()]),
  name: Type.String(),
  /** `slipway-agent`: what OTLP calls service.name. */
  process: Type.String(),
  /** Nanoseconds since the epoch: more digits than a JSON number keeps. */
  startUnixNano: Type.String(),
  durationNs: Type.Integer(),
  status: Type.Union([Type.Literal("unset"), Type.Literal("ok"), Type.Literal("error")]),
  /** With `error`. */
  message: Type.Union([Type.String(), Type.Null()]),
  attributes: Type.Record(Type.String(), Type.Unknown()),
  events: Type.Array(
    Type.Object({
      name: Type.String(),
      /** After the start of its span. */
      offsetNs: Type.Integer(),
      attributes: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  links: Type.Array(Type.Object({ traceId: Type.String(), spanId: Type.String() })),
});
export type TraceSpan = Static<typeof TraceSpan>;

/** A whole trace, its spans by their start. */
export const Trace = Type.Object({ traceId: Type.String(), spans: Type.Array(TraceSpan) });
export type Trace = Static<typeof Trace>;

export interface TraceQuery {
  project?: string;
  /** A service of a project (a Compose file's), not a process. */
  service?: string;
  /** RFC 3339: only traces that began from then on. */
  since?: string;
  limit: number;
}
