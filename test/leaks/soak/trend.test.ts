import { expect, test } from "vitest";
import type { ProcessSample } from "./process-sample.ts";
import { trendOf } from "./trend.ts";

const MEBIBYTE = 1024 * 1024;

/** Ten samples of an agent, a hundred starts apart, whose heap is told by `heap`. */
function samples(heap: (index: number) => number, pid: (index: number) => number = () => 7): ProcessSample[] {
  return Array.from({ length: 10 }, (_, index) => ({
    name: "agent" as const,
    pid: pid(index),
    starts: index * 100,
    pssBytes: 80 * MEBIBYTE,
    heapBytes: heap(index) * MEBIBYTE,
    openFiles: 30,
  }));
}

test("a kilobyte kept of each start is growth", () => {
  const trend = trendOf(
    "agent",
    samples((index) => 20 + index * 0.1),
    0,
  );
  expect(trend.heapBytesPerThousand).toBeCloseTo(MEBIBYTE, -2);
  expect(trend.grows).toBe(true);
});

test("a heap that wanders about one value is flat, and so is one that filled its caches first", () => {
  expect(
    trendOf(
      "agent",
      samples((index) => 20 + (index % 2) * 0.3),
      0,
    ).grows,
  ).toBe(false);
  expect(
    trendOf(
      "agent",
      samples((index) => Math.min(20 + index * 2, 26)),
      300,
    ).grows,
  ).toBe(false);
});

test("only one life of a process is looked at, the longest", () => {
  const restarted = samples(
    (index) => (index < 4 ? 60 : 20),
    (index) => (index < 4 ? 7 : 8),
  );
  expect(trendOf("agent", restarted, 0)).toMatchObject({ heapBytesPerThousand: 0, grows: false, samples: { length: 6 } });
});

test("of a process that was killed all the time nothing is said", () => {
  expect(
    trendOf(
      "agent",
      samples(
        (index) => 20 + index,
        (index) => index,
      ),
      0,
    ),
  ).toMatchObject({
    heapBytesPerThousand: null,
    pssBytesPerThousand: null,
    grows: false,
  });
});
