import { expect, test } from "vitest";
import { KeepRate } from "./keep-rate.ts";

const kept = (rate: KeepRate, times: number[]): number => times.filter((time) => rate.keeps(time)).length;

test("no more are kept than a second's worth at once, and as many again a second later", () => {
  const rate = new KeepRate(5);
  expect(
    kept(
      rate,
      Array.from({ length: 100 }, () => 1_000),
    ),
  ).toBe(5);
  expect(
    kept(
      rate,
      Array.from({ length: 100 }, () => 1_400),
    ),
  ).toBe(2);
  expect(
    kept(
      rate,
      Array.from({ length: 100 }, () => 60_000),
    ),
  ).toBe(5);
});

test("a rate without end keeps all", () => {
  expect(
    kept(
      new KeepRate(Number.POSITIVE_INFINITY),
      Array.from({ length: 1_000 }, () => 0),
    ),
  ).toBe(1_000);
});
