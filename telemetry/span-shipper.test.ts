import { SpanKind } from "@opentelemetry/api";
import { expect, test, vi } from "vitest";
import { FailureLog } from "./failure-log.ts";
import { approximateSize, encodeSpan, type OtlpBatch, type OtlpSpan } from "./otlp-json.ts";
import { newSpanId, newTraceId } from "./random-ids.ts";
import { RecordingSpan } from "./recording-span.ts";
import { type SendBatch, SpanShipper } from "./span-shipper.ts";

const MOST_WAITING = 4_096;

class SilentLog extends FailureLog {
  readonly said: string[] = [];
  override error(message: string): void {
    this.said.push(message);
  }
}

function shipper(send?: SendBatch, patienceMs = 1_000): { ship: SpanShipper; said: string[] } {
  const log = new SilentLog();
  return { ship: new SpanShipper({ resource: {}, delayMs: 0, patienceMs, log }, send), said: log.said };
}

function ended(name: string, note = ""): RecordingSpan {
  const context = { traceId: newTraceId(), spanId: newSpanId(), traceFlags: 1 };
  const about = { scope: "test", kind: SpanKind.INTERNAL, startTime: undefined, links: [], parentSpanId: undefined };
  const span = new RecordingSpan({ ...about, context, name, attributes: { note } }, () => undefined);
  span.end();
  return span;
}

const spansOf = ({ resourceSpans }: OtlpBatch): OtlpSpan[] =>
  resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));

test("spans that ended before there was a receiver are given to it, in order", async () => {
  const { ship } = shipper();
  for (const name of ["a", "b"]) ship.push(ended(name));
  const got: string[] = [];
  const open = ship.open(async (batch) => void got.push(...spansOf(batch).map(({ name }) => name)));
  ship.push(ended("c"));
  await open[Symbol.asyncDispose]();
  expect(got).toEqual(["a", "b", "c"]);
});

test("a batch that is not taken is offered again, and the failure said once", async () => {
  const got: string[][] = [];
  let refusals = 1;
  const { ship, said } = shipper(async (batch) => {
    if (refusals-- > 0) throw new Error("away");
    got.push(spansOf(batch).map(({ name }) => name));
  });
  ship.push(ended("a"));
  await vi.waitFor(() => expect(got).toEqual([["a"]]), { timeout: 10_000 });
  expect(said).toEqual(["spans are not taken: away"]);
  await ship[Symbol.asyncDispose]();
});

test("while nobody takes them the oldest spans are dropped and counted, and memory does not grow", async () => {
  const { ship, said } = shipper();
  for (let n = 0; n < MOST_WAITING + 10; n += 1) ship.push(ended(String(n)));
  expect(ship.dropped).toBe(10);
  const got: string[] = [];
  await ship.open(async (batch) => void got.push(...spansOf(batch).map(({ name }) => name)))[Symbol.asyncDispose]();
  expect([got.length, got[0], got.at(-1)]).toEqual([MOST_WAITING, "10", String(MOST_WAITING + 9)]);
  expect(said).toHaveLength(1);
});

test("no batch is larger than a message of nats-server may be", async () => {
  const sizes: number[] = [];
  const { ship } = shipper(async (batch) => void sizes.push(JSON.stringify(batch).length));
  for (let n = 0; n < 400; n += 1) ship.push(ended("large", "x".repeat(4_000)));
  await ship[Symbol.asyncDispose]();
  expect(sizes.length).toBeGreaterThan(4);
  expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
});

test("a span's size is counted to within a half of what it takes as JSON", () => {
  const plain = ended("plain");
  const rich = ended("rich", "x".repeat(500));
  rich.attributes["list"] = Array.from({ length: 40 }, (_, n) => `entry ${n}`);
  const { traceId, spanId } = plain.spanContext();
  const encoded: OtlpSpan = {
    ...encodeSpan(rich),
    events: Array.from({ length: 270 }, (_, n) => ({
      timeUnixNano: "1".repeat(19),
      name: `make /dev/${n}`,
      attributes: [],
    })),
    links: [{ traceId, spanId, attributes: [] }],
  };
  for (const span of [encodeSpan(plain), encodeSpan(rich), encoded]) {
    const ratio = approximateSize(span) / JSON.stringify(span).length;
    expect(Math.abs(ratio - 1)).toBeLessThan(0.5);
  }
});

test("a receiver that never answers does not hold up the end", async () => {
  const { ship } = shipper(() => new Promise<never>(() => undefined), 50);
  ship.push(ended("a"));
  await ship[Symbol.asyncDispose]();
  expect(ship.dropped).toBe(0);
});
