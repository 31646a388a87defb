import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { encodeBatch, encodeSpan, toNanoseconds } from "./otlp-json.ts";
import { RecordingSpan, type SpanBeginning } from "./recording-span.ts";

const context = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", traceFlags: 1 };

function begin(beginning: Partial<SpanBeginning> = {}, onEnd: (span: RecordingSpan) => void = () => undefined) {
  const defaults = { parentSpanId: undefined, scope: "test", name: "work", kind: SpanKind.INTERNAL, links: [] };
  return new RecordingSpan({ ...defaults, context, startTime: undefined, attributes: {}, ...beginning }, onEnd);
}

test("a span is kept when it ends, once, and is then as it was", () => {
  const kept: RecordingSpan[] = [];
  const span = begin({}, (each) => kept.push(each));
  expect(kept).toEqual([]);
  span.end();
  span.setAttribute("late", true).addEvent("late").setStatus({ code: SpanStatusCode.ERROR }).updateName("late").end();
  expect(kept).toEqual([span]);
  expect([span.attributes, span.events, span.status.code, span.name]).toEqual([{}, undefined, 0, "work"]);
});

test("what may grow without end has a bound: attributes, events, texts", () => {
  const span = begin();
  for (let n = 0; n < 1_000; n += 1) span.setAttribute(`key${n}`, "x".repeat(10_000)).addEvent(`event${n}`);
  expect(Object.keys(span.attributes)).toHaveLength(128);
  expect(span.events).toHaveLength(512);
  expect(span.attributes["key0"]).toHaveLength(4_096);
});

test("a span never ends before it began, whatever times are given", () => {
  const span = begin({ startTime: 2_000_000_000_000 });
  span.end(1_000_000_000_000);
  expect(span.endMs).toBe(span.startMs);
});

test("a time of before this process began is one of the epoch, also then: a clock may be set back", () => {
  const { timeOrigin } = performance;
  expect(begin({ startTime: timeOrigin - 3_600_000 }).startMs).toBe(timeOrigin - 3_600_000);
  expect(Math.abs(begin({ startTime: performance.now() }).startMs - Date.now())).toBeLessThan(1_000);
});

test("it is written as OTLP's JSON has it: ids as hex, 64-bit numbers as strings, kinds from 1", () => {
  const span = begin({
    kind: SpanKind.SERVER,
    parentSpanId: "b7ad6b7169203331",
    startTime: 1_700_000_000_000.25,
    attributes: { text: "a", whole: 3, part: 0.5, yes: true, list: ["a", 1] },
    links: [{ context }],
  });
  span.addEvent("step", { microseconds: 7 }, 1_700_000_000_001);
  span.setStatus({ code: SpanStatusCode.ERROR, message: "no" });
  span.end(1_700_000_000_002);
  expect(encodeSpan(span)).toEqual({
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: "b7ad6b7169203331",
    name: "work",
    kind: 2,
    startTimeUnixNano: "1700000000000250000",
    endTimeUnixNano: "1700000000002000000",
    attributes: [
      { key: "text", value: { stringValue: "a" } },
      { key: "whole", value: { intValue: "3" } },
      { key: "part", value: { doubleValue: 0.5 } },
      { key: "yes", value: { boolValue: true } },
      { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, { intValue: "1" }] } } },
    ],
    events: [
      {
        timeUnixNano: "1700000000001000000",
        name: "step",
        attributes: [{ key: "microseconds", value: { intValue: "7" } }],
      },
    ],
    links: [{ traceId: context.traceId, spanId: context.spanId, attributes: [] }],
    status: { code: 2, message: "no" },
  });
});

test("spans of one process go under their tracers", () => {
  const span = encodeSpan(begin());
  const batch = encodeBatch({ "service.name": "x" }, [
    { scope: "a", span },
    { scope: "b", span },
    { scope: "a", span },
  ]);
  expect(batch.resourceSpans[0]?.scopeSpans.map(({ scope, spans }) => [scope.name, spans.length])).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
});

test("nanoseconds keep the microseconds that a double has", () => {
  expect(toNanoseconds(1_700_000_000_000.999)).toMatch(/^1700000000000999000$/);
  expect(toNanoseconds(1_700_000_000_000)).toBe("1700000000000000000");
});
