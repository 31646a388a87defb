import { expect, test } from "vitest";
import type { TraceSpan } from "#contracts/trace.ts";
import { formatDuration } from "./quantity.ts";
import { formatWaterfall } from "./waterfall.ts";

const START = 1_770_000_000_000_000_000n;
function span(
  spanId: string,
  parentSpanId: string | null,
  offsetMs: number,
  durationMs: number,
  more: Partial<TraceSpan> = {},
) {
  return {
    spanId,
    parentSpanId,
    name: `do ${spanId}`,
    process: "slipway-agent",
    startUnixNano: String(START + BigInt(offsetMs * 1e6)),
    durationNs: durationMs * 1e6,
    status: "unset" as const,
    message: null,
    attributes: {},
    events: [],
    links: [],
    ...more,
  };
}
const step = (name: string, microseconds: number, offsetNs: number) => ({ name, offsetNs, attributes: { microseconds } });
const trace = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spans: [
    span("c", "a", 50, 50, { status: "error", message: "no such image" }),
    span("a", null, 0, 100, { process: "slipway-cli" }),
    span("d", "b", 20, 10, {
      events: [step("mount the root", 900, 900_000), step("setsid", 3, 903_000), step("chdir", 4, 907_000)],
    }),
    span("b", "a", 10, 30, { attributes: { "slipway.service": "web" } }),
    span("x", "gone", 90, 1),
  ],
};
const lines = (steps: "all" | "long" | "none"): string[] =>
  formatWaterfall(trace, { width: 120, colour: false, steps })
    .trimEnd()
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));

test("a trace is a tree in the order of time, with offsets, durations and a bar; a span without its parent stands alone", () => {
  expect(lines("long")).toEqual([
    "4bf92f3577b34da6a3ce929d0e0e4736 do a 100 ms, 5 spans",
    "do a cli +0.0 µs 100 ms ▏██████████████████████████████▏",
    "├─ do b web agent +10.0 ms 30.0 ms ▏ █████████ ▏",
    "│ └─ do d agent +20.0 ms 10.0 ms ▏ ███ ▏",
    "│ · mount the root +20.0 ms 900 µs ▏ ▪ ▏",
    "│ · 2 shorter steps +20.0 ms 7.0 µs ▏ ▪ ▏",
    "└─ do c agent +50.0 ms 50.0 ms ▏ ███████████████▏ no such image",
    "do x agent +90.0 ms 1.00 ms ▏ █ ▏",
  ]);
});

test("every step of a launch is shown when asked for, or none", () => {
  expect(lines("none").filter((line) => line.includes("·"))).toEqual([]);
  expect(lines("all").filter((line) => line.includes("·"))).toEqual([
    "│ · mount the root +20.0 ms 900 µs ▏ ▪ ▏",
    "│ · setsid +20.9 ms 3.0 µs ▏ ▪ ▏",
    "│ · chdir +20.9 ms 4.0 µs ▏ ▪ ▏",
  ]);
});

test("durations have three digits and a unit", () => {
  expect([0, 1_234, 12_345, 999_600, 3_456_000, 45_600_000, 999_600_000, 1.834e9].map(formatDuration)).toEqual([
    "0.0 µs",
    "1.2 µs",
    "12 µs",
    "1.00 ms",
    "3.46 ms",
    "45.6 ms",
    "1.00 s",
    "1.83 s",
  ]);
});
