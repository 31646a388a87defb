import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { expect, test } from "vitest";
import { W3cTraceContext } from "./w3c-trace-context.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

test.each([
  { traceparent: `00-${ID}-${PARENT}-01` },
  { traceparent: `00-${ID}-${PARENT}-00` },
  { traceparent: `00-${ID}-${PARENT}-01`, tracestate: "a=1,b=2" },
  { traceparent: `01-${ID}-${PARENT}-01-more` },
  { traceparent: `00-${ID}-${PARENT}-01-more` },
  { traceparent: `ff-${ID}-${PARENT}-01` },
  { traceparent: `00-${"0".repeat(32)}-${PARENT}-01` },
  { traceparent: `00-${ID}-${"0".repeat(16)}-01` },
  { traceparent: `00-${ID.toUpperCase()}-${PARENT}-01` },
  { traceparent: `00-${ID.slice(1)}-${PARENT}-01` },
  { traceparent: "" },
  {},
])("headers are read and written as the SDK's propagator does: %j", (headers) => {
  const round = (propagator: W3cTraceContext | W3CTraceContextPropagator) => {
    const context = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const written: Record<string, string> = {};
    propagator.inject(context, written, defaultTextMapSetter);
    return { written, span: trace.getSpanContext(context)?.traceId };
  };
  expect(round(new W3cTraceContext())).toEqual(round(new W3CTraceContextPropagator()));
});
