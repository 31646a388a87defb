import {
  context,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  type TextMapSetter,
} from "@opentelemetry/api";
import { headers as makeHeaders, type MsgHdrs } from "@nats-io/transport-node";

const TRACEPARENT = "traceparent";

const setter: TextMapSetter<MsgHdrs> = { set: (headers, key, value) => headers.set(key, value) };
const getter: TextMapGetter<MsgHdrs | undefined> = {
  keys: (headers) => headers?.keys() ?? [],
  get: (headers, key) => headers?.get(key) || undefined,
};

/** Headers that carry the active W3C Trace Context, and what else is given. */
export function headersWithTrace(others: Record<string, string> = {}): MsgHdrs {
  const headers = makeHeaders();
  for (const [name, value] of Object.entries(others)) headers.set(name, value);
  propagation.inject(context.active(), headers, setter);
  return headers;
}

/** The context that a message's sender was in. */
export const traceOf = (headers: MsgHdrs | undefined): Context => propagation.extract(ROOT_CONTEXT, headers, getter);

export const traceparentOf = (headers: MsgHdrs | undefined): string | undefined => headers?.get(TRACEPARENT) || undefined;

/** The active context as a traceparent header (W3C Trace Context, section 3.2), undefined outside any trace. */
export function currentTraceparent(): string | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier[TRACEPARENT];
}
