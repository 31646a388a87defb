import { beforeEach, expect, test } from "vitest";
import { type OutputLimit, OutputLimits } from "./output-limit.ts";

const MEBIBYTE = 1024 * 1024;
const BURST = 32 * MEBIBYTE;
let now: number;
let limits: OutputLimits;
let floods: number[];

beforeEach(() => {
  now = 0;
  floods = [];
  limits = new OutputLimits(() => now);
});

const open = (): OutputLimit => limits.open((bytesPerSecond) => floods.push(bytesPerSecond));

/** A container that floods. */
function flooding(): OutputLimit {
  const limit = open();
  limit.take(BURST);
  limit.take(1);
  return limit;
}

test("a burst is not held back, and what comes after it waits for its time", () => {
  const limit = open();
  expect(limit.take(BURST)).toBe(0);
  expect(limit.take(4 * MEBIBYTE)).toBe(500);
  now = 500;
  expect(limit.take(8 * MEBIBYTE)).toBe(1000);
});

test("it is said once that a container floods, and again when it floods after it was quiet", () => {
  const limit = open();
  for (let turn = 0; turn < 1000; turn++) now += limit.take(64 * 1024);
  expect(floods).toEqual([8 * MEBIBYTE]);
  now += 1000;
  for (let turn = 0; turn < 1000; turn++) now += limit.take(64 * 1024);
  expect(floods).toHaveLength(1);
  now += 10_000;
  for (let turn = 0; turn < 1000; turn++) now += limit.take(64 * 1024);
  expect(floods).toHaveLength(2);
});

test("containers that flood share what a node gives, others are not held back, and who leaves gives its part back", () => {
  const [first, second, third, fourth] = [flooding(), flooding(), flooding(), flooding()];
  expect(Math.round(first.take(4 * MEBIBYTE))).toBe(1000);
  expect(open().take(16 * MEBIBYTE)).toBe(0);
  for (const left of [second, third, fourth]) left[Symbol.dispose]();
  now += 500;
  expect(Math.round(first.take(8 * MEBIBYTE))).toBe(1000);
});
