import { describe, expect, it } from "vitest";
import type { HealthState } from "#contracts/instance.ts";
import type { Healthcheck } from "#contracts/service-spec.ts";
import { launchError } from "../launch/errors.ts";
import { type HealthChange, monitorHealth, type Probe, probeCommand } from "./health-monitor.ts";

const CHECK: Healthcheck = {
  test: ["CMD", "probe"],
  intervalMs: 1,
  timeoutMs: 5_000,
  startPeriodMs: 0,
  startIntervalMs: 1,
  retries: 3,
};

/** Answers the probes with these exit codes, then ends the watch; the changes that were reported. */
async function watch(
  codes: number[],
  changes: Partial<Healthcheck> = {},
  known: HealthState = "starting",
): Promise<HealthChange[]> {
  const ending = new AbortController();
  const seen: HealthChange[] = [];
  const probe: Probe = async () => {
    const code = codes.shift();
    if (code === undefined) ending.abort(new Error("over"));
    return code ?? 0;
  };
  const watching = monitorHealth(
    { check: { ...CHECK, ...changes }, probe, known },
    (change) => seen.push(change),
    ending.signal,
  );
  await watching.catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  return seen;
}
const states = (changes: HealthChange[]): string[] => changes.map(({ health }) => health);

describe("a container's health", () => {
  it("is starting until the first success", async () => {
    expect(states(await watch([1, 0, 0]))).toEqual(["starting", "healthy"]);
  });

  it("is bad after as many failures in a row as it has retries, and not before", async () => {
    expect(states(await watch([0, 1, 1, 0, 1, 1]))).toEqual(["starting", "healthy"]);
    expect(await watch([0, 1, 1, 1])).toEqual([
      { health: "starting", failures: 0 },
      { health: "healthy", failures: 0 },
      { health: "unhealthy", failures: 3 },
    ]);
  });

  it("is good again after one success", async () => {
    expect(states(await watch([1, 1, 1, 1, 0]))).toEqual(["starting", "unhealthy", "healthy"]);
  });

  it("does not suffer from failures in the start period, until a first success ends that", async () => {
    expect(states(await watch([1, 1, 1, 1, 1], { startPeriodMs: 60_000 }))).toEqual(["starting"]);
    expect(states(await watch([1, 1, 1, 0, 1, 1, 1], { startPeriodMs: 60_000 }))).toEqual([
      "starting",
      "healthy",
      "unhealthy",
    ]);
  });

  it("counts a probe that cannot be run as failed", async () => {
    const ending = new AbortController();
    const seen: HealthChange[] = [];
    const probe: Probe = async () => {
      throw new Error("no such command");
    };
    const onChange = (change: HealthChange): void => {
      seen.push(change);
      if (change.health === "unhealthy") ending.abort();
    };
    await monitorHealth({ check: CHECK, probe }, onChange, ending.signal);
    expect(states(seen)).toEqual(["starting", "unhealthy"]);
  });

  it("counts a probe that takes longer than its timeout as failed, and ends it", async () => {
    const ending = new AbortController();
    let ended = 0;
    const probe: Probe = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          ended++;
          reject(signal.reason as Error);
        });
      });
    const onChange = ({ health }: HealthChange): void => {
      if (health === "unhealthy") ending.abort();
    };
    await monitorHealth({ check: { ...CHECK, timeoutMs: 5, retries: 2 }, probe }, onChange, ending.signal);
    expect(ended).toBe(2);
  });

  it.each([
    ["after a second at the latest", { intervalMs: 60_000 }],
    ["as often as the start period says", { intervalMs: 60_000, startPeriodMs: 60_000, startIntervalMs: 1 }],
  ])("is first asked for %s, however long its interval", async (_, changes) => {
    const ending = new AbortController();
    const probe: Probe = async () => {
      ending.abort();
      return 0;
    };
    const startedAt = performance.now();
    await monitorHealth({ check: { ...CHECK, ...changes }, probe }, () => {}, ending.signal);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it("goes on from what an earlier watch of the same process knew", async () => {
    expect(states(await watch([0], {}, "healthy"))).toEqual(["healthy"]);
    expect(states(await watch([1, 1, 1], { startPeriodMs: 60_000 }, "healthy"))).toEqual(["healthy", "unhealthy"]);
  });

  it("does not suffer when nobody can ask, as while the supervisor is away", async () => {
    const away = launchError("SLIPWAY_LAUNCH_SUPERVISOR_AWAY", "gone");
    const ending = new AbortController();
    const seen: HealthChange[] = [];
    let probes = 0;
    const probe: Probe = async () => {
      if (++probes === 10) ending.abort();
      throw away;
    };
    await monitorHealth({ check: CHECK, probe, known: "healthy" }, (change) => seen.push(change), ending.signal);
    expect(states(seen)).toEqual(["healthy"]);
  });

  it("is no longer asked when the watch ends, and says nothing more", async () => {
    const ending = new AbortController();
    const seen: HealthChange[] = [];
    let probes = 0;
    const probe: Probe = async () => {
      probes++;
      ending.abort();
      return 0;
    };
    await monitorHealth({ check: CHECK, probe }, (change) => seen.push(change), ending.signal);
    expect({ probes, states: states(seen) }).toEqual({ probes: 1, states: ["starting"] });
  });
});

describe("a probe's command", () => {
  it.each([
    ["an argv as it is", ["CMD", "curl", "-f", "http://localhost/"], ["curl", "-f", "http://localhost/"]],
    [
      "a line for the shell",
      ["CMD-SHELL", "curl -f localhost || exit 1"],
      ["/bin/sh", "-c", "curl -f localhost || exit 1"],
    ],
  ])("is %s", (_, test, expected) => {
    expect(probeCommand(test)).toEqual(expected);
  });
});
