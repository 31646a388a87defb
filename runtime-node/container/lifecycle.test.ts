import { describe, expect, it } from "vitest";
import { endRun, restartsOf } from "./lifecycle.ts";

const running = {
  type: "running",
  pid: 1,
  startTime: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  runSerial: 4,
  series: 2,
  restarts: 7,
} as const;
const end = (code: number | null, exitedAt = "2026-01-01T00:00:01.000Z") => ({
  exit: { status: { code, signal: null }, exitedAt },
  held: false,
  oomKilled: false,
  now: 50_000,
});

describe("a run that ended", () => {
  it("waits for its next start as its policy says, and remembers how it ended", () => {
    expect(endRun(running, { name: "always" }, { ...end(3), oomKilled: true })).toEqual({
      type: "backoff",
      until: 50_400,
      series: 3,
      exitCode: 3,
      oomKilled: true,
      startedAt: running.startedAt,
      finishedAt: "2026-01-01T00:00:01.000Z",
      runSerial: 4,
      restarts: 7,
    });
  });

  it("stays down when it was we who stopped it, whatever its policy", () => {
    expect(endRun(running, { name: "always" }, { ...end(0), held: true })).toMatchObject({ type: "ended", held: true });
  });

  it("stays down where its policy says so", () => {
    expect(endRun(running, { name: "no" }, end(1))).toMatchObject({ type: "ended", held: false, exitCode: 1 });
  });

  it("counts as a failure when nobody can tell its code, which stays unknown", () => {
    expect(endRun(running, { name: "on-failure" }, end(null))).toMatchObject({ type: "backoff", exitCode: null });
    expect(endRun(running, { name: "on-failure" }, end(0))).toMatchObject({ type: "ended" });
  });

  it("begins a new series after ten steady seconds", () => {
    const steady = end(1, "2026-01-01T00:00:10.000Z");
    expect(endRun(running, { name: "always" }, steady)).toMatchObject({ until: 50_100, series: 1 });
  });
});

describe("the restarts of an instance", () => {
  it("are none before its first start, and counted over all its runs", () => {
    expect([restartsOf({ type: "new" }), restartsOf(running)]).toEqual([0, 7]);
  });
});
