import { expect, test } from "vitest";
import type { ProcessSample } from "./process-sample.ts";
import { trendOf } from "./trend.ts";

const MEBIBYTE = 1024 * 1024;
const always = (): number => 7;

/** Sixteen samples of an agent, two hundred starts apart, whose heap and pid are told. */
function trend(heapMebibytes: (index: number) => number, pid: (index: number) => number = always) {
  const samples = Array.from({ length: 16 }, (_, index): ProcessSample => {
    const heapBytes = heapMebibytes(index) * MEBIBYTE;
    return { name: "agent", pid: pid(index), starts: index * 200, pssBytes: 80 * MEBIBYTE, heapBytes, openFiles: 30 };
  });
  return trendOf("agent", samples);
}

test("two kilobytes kept of each start are growth", () => {
  const { heapBytesPerThousand, grows } = trend((index) => 20 + index * 0.4);
  expect(heapBytesPerThousand).toBeCloseTo(2 * MEBIBYTE, -2);
  expect(grows).toBe(true);
});

test("a heap that wanders about one value is flat, and so is one that filled its caches first", () => {
  expect(trend((index) => 20 + (index % 2) * 0.3).grows).toBe(false);
  expect(trend((index) => Math.min(20 + index * 2, 30)).grows).toBe(false);
});

test("only one life of a process is looked at, the longest", () => {
  const restarted = trend(
    (index) => (index < 6 ? 60 : 20),
    (index) => (index < 6 ? 7 : 8),
  );
  expect(restarted).toMatchObject({ heapBytesPerThousand: 0, grows: false, samples: { length: 5 } });
});

test("what grows after it has settled is growth, though it was flat before", () => {
  expect(trend((index) => (index < 6 ? 20 : 20 + (index - 6) * 0.4)).grows).toBe(true);
});

test("of a process that was killed all the time nothing is said", () => {
  const killed = trend(
    (index) => 20 + index,
    (index) => index,
  );
  expect(killed).toMatchObject({ heapBytesPerThousand: null, pssBytesPerThousand: null, grows: false });
});
