import { describe, expect, it } from "vitest";
import { decideRestart } from "./restart-policy.ts";

const run = (exitCode: number, series = 0, ranForMs = 0) => ({ exitCode, series, ranForMs });

describe("a restart policy", () => {
  it.each([
    ["no", 0, "stay-down"],
    ["no", 1, "stay-down"],
    ["always", 0, "restart"],
    ["always", 1, "restart"],
    ["unless-stopped", 0, "restart"],
    ["on-failure", 0, "stay-down"],
    ["on-failure", 137, "restart"],
  ] as const)("%s answers exit code %i with %s", (name, exitCode, type) => {
    expect(decideRestart({ name }, run(exitCode)).type).toBe(type);
  });

  it("doubles the wait from 100 ms to a minute", () => {
    const waits = [0, 1, 2, 3, 9, 10, 5_000].map((series) => {
      const decision = decideRestart({ name: "always" }, run(1, series));
      return decision.type === "restart" ? decision.afterMs : null;
    });
    expect(waits).toEqual([100, 200, 400, 800, 51_200, 60_000, 60_000]);
  });

  it("counts a series, which a run of ten seconds ends", () => {
    expect(decideRestart({ name: "always" }, run(1, 4, 9_999))).toMatchObject({ series: 5 });
    expect(decideRestart({ name: "always" }, run(1, 4, 10_000))).toEqual({ type: "restart", afterMs: 100, series: 1 });
  });

  it("gives up after as many retries as it was given", () => {
    const policy = { name: "on-failure", maximumRetryCount: 3 } as const;
    expect([0, 1, 2, 3].map((series) => decideRestart(policy, run(1, series)).type)).toEqual([
      "restart",
      "restart",
      "restart",
      "stay-down",
    ]);
  });
});
