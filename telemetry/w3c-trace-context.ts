import {
  type Context,
  createTraceState,
  isSpanContextValid,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";

const TRACEPARENT = "traceparent";
const TRACESTATE = "tracestate";
/** Version, trace id, parent id, flags; a later version may append more, version ff is forbidden (W3C Trace Context, section 3.2). */
const FORMAT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** W3C Trace Context in headers. Written here since the SDK's core package costs 20 ms to load. */
export class W3cTraceContext implements TextMapPropagator {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const span = trace.getSpanContext(context);
    if (span === undefined || !isSpanContextValid(span)) return;
    setter.set(carrier, TRACEPARENT, `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`);
    const state = span.traceState?.serialize();
    if (state) setter.set(carrier, TRACESTATE, state);
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const match = FORMAT.exec(header(getter.get(carrier, TRACEPARENT))?.trim() ?? "");
    if (match === null) return context;
    const [, version, traceId = "", spanId = "", flags = "", rest] = match;
    if (version === "00" && rest !== undefined) return context;
    const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
    if (!isSpanContextValid(remote)) return context;
    const state = header(getter.get(carrier, TRACESTATE));
    return trace.setSpanContext(context, state ? { ...remote, traceState: createTraceState(state) } : remote);
  }

  fields(): string[] {
    return [TRACEPARENT, TRACESTATE];
  }
}

/** A repeated traceparent is none; a repeated tracestate is joined (section 3.3.1.1). */
const header = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(",") : value;
