import { describe, expect, it } from "vitest";
import { RetrySchedule } from "./retry-schedule.ts";

describe("a retry schedule", () => {
  it("waits twice as long after each failure in a row, from 100 ms to 5 s", () => {
    const retries = new RetrySchedule();
    const waits = Array.from({ length: 8 }, () => {
      retries.failed("shop", 1_000);
      return (retries.nextAt(1_000) ?? 0) - 1_000;
    });
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it("lets others go on, and starts over after a success", () => {
    const retries = new RetrySchedule();
    retries.failed("shop", 1_000);
    retries.failed("shop", 1_000);
    expect([retries.isDue("shop", 1_199), retries.isDue("shop", 1_200), retries.isDue("blog", 1_000)]).toEqual([
      false,
      true,
      true,
    ]);
    retries.succeeded("shop");
    expect([retries.isDue("shop", 1_000), retries.nextAt(1_000)]).toEqual([true, undefined]);
    retries.failed("shop", 1_000);
    expect(retries.isFirst("shop")).toBe(true);
  });

  it("names the earliest time of all", () => {
    const retries = new RetrySchedule();
    retries.failed("shop", 1_000);
    retries.failed("blog", 1_050);
    expect([retries.nextAt(1_060), retries.nextAt(1_100), retries.nextAt(1_150)]).toEqual([1_100, 1_150, undefined]);
  });
});
