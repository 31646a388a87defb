import { describe, expect, it } from "vitest";
import type { Lifecycle } from "./lifecycle.ts";
import { type NextStep, nextStep, type Wanted } from "./next-step.ts";

const ended = { exitCode: 1, oomKilled: false, startedAt: "", finishedAt: "", runSerial: 3, restarts: 0 };
const LIFECYCLES = {
  new: { type: "new" },
  running: { type: "running", pid: 1, startTime: 1, startedAt: "", runSerial: 3, series: 0, restarts: 0 },
  backoff: { type: "backoff", until: 1_000, series: 1, ...ended },
  ended: { type: "ended", held: false, ...ended },
  held: { type: "ended", held: true, ...ended },
  failed: {
    type: "failed",
    failure: { code: "", message: "", remedy: "", exitCode: 125 },
    finishedAt: "",
    runSerial: 3,
    restarts: 0,
  },
  full: {
    type: "failed",
    failure: { code: "", message: "", remedy: "", exitCode: 125 },
    finishedAt: "",
    runSerial: 3,
    restarts: 0,
    retry: { at: 1_000, freeBytes: 0 },
  },
} satisfies Record<string, Lifecycle>;
const want = (desired: "running" | "stopped", runSerial = 3): Wanted => ({
  type: "assigned",
  assignment: { desired, runSerial },
});

const START: NextStep = { type: "start", restart: false };
const STOP: NextStep = { type: "stop" };
const WAIT: NextStep = { type: "wait" };
const REMOVE: NextStep = { type: "remove" };

describe("what an instance does next", () => {
  const rows: [keyof typeof LIFECYCLES, Record<"running" | "again" | "stopped" | "removed", NextStep>][] = [
    ["new", { running: START, again: START, stopped: WAIT, removed: REMOVE }],
    ["running", { running: WAIT, again: STOP, stopped: STOP, removed: STOP }],
    ["backoff", { running: { type: "wait", until: 1_000 }, again: START, stopped: WAIT, removed: REMOVE }],
    ["ended", { running: WAIT, again: START, stopped: WAIT, removed: REMOVE }],
    ["held", { running: START, again: START, stopped: WAIT, removed: REMOVE }],
    ["failed", { running: WAIT, again: START, stopped: WAIT, removed: REMOVE }],
    ["full", { running: { type: "wait", until: 1_000 }, again: START, stopped: WAIT, removed: REMOVE }],
  ];

  it.each(rows)("when it is %s follows from what is wanted of it", (state, expected) => {
    const now = (wanted: Wanted): NextStep => nextStep(wanted, LIFECYCLES[state], 500);
    expect({
      running: now(want("running")),
      again: now(want("running", 4)),
      stopped: now(want("stopped")),
      removed: now({ type: "removed" }),
    }).toEqual(expected);
  });

  it("is a restart when its backoff is over, and not a moment before", () => {
    expect(nextStep(want("running"), LIFECYCLES.backoff, 999)).toEqual({ type: "wait", until: 1_000 });
    expect(nextStep(want("running"), LIFECYCLES.backoff, 1_000)).toEqual({ type: "start", restart: true });
  });

  it("is to start at once when its wait was begun before the clock was set back an hour", () => {
    const earlier = 1_000 - 3_600_000;
    expect(nextStep(want("running"), LIFECYCLES.backoff, earlier)).toEqual({ type: "start", restart: true });
    expect(nextStep(want("running"), LIFECYCLES.full, earlier)).toEqual(START);
  });

  it("is not to start again for a serial that it has acted on", () => {
    expect(nextStep(want("running", 2), LIFECYCLES.ended, 0)).toEqual(WAIT);
  });
});
