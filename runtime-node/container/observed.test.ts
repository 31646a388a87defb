import { describe, expect, it } from "vitest";
import type { InstanceRecord } from "./instance-record.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { observe } from "./observed.ts";

const ended = {
  exitCode: 137,
  oomKilled: true,
  startedAt: "2026-01-01T00:00:01.000Z",
  finishedAt: "2026-01-01T00:00:02.000Z",
  runSerial: 4,
  restarts: 2,
};
const running: Lifecycle = {
  type: "running",
  pid: 4242,
  startTime: 99,
  startedAt: "2026-01-01T00:00:01.000Z",
  runSerial: 4,
  series: 1,
  restarts: 2,
};
const failure = { code: "SLIPWAY_X", message: "m", remedy: "r", exitCode: 127 };
const failed: Lifecycle = { type: "failed", failure, finishedAt: ended.finishedAt, runSerial: 4, restarts: 2 };

const record = (lifecycle: Lifecycle): InstanceRecord =>
  ({
    assignment: {
      instanceId: "0123456789ab",
      name: "shop-web-1",
      project: "shop",
      service: "web",
      index: 1,
      revision: "r1",
      node: "here",
      createdAt: "2026-01-01T00:00:00.000Z",
      spec: { image: "web:1" },
    },
    imageDigest: "sha256:1",
    lifecycle,
    addresses: { default: "10.0.0.2", back: "10.0.1.2" },
    ports: [{ hostIp: "0.0.0.0", hostPort: 80, containerPort: 80, protocol: "tcp" }],
  }) as unknown as InstanceRecord;
const report = (lifecycle: Lifecycle, doing: "pulling" | "creating" | "stopping" | null = null) =>
  observe(record(lifecycle), { doing, health: "healthy", paused: false });

describe("what a node reports of an instance", () => {
  it.each<[string, Lifecycle, string]>([
    ["was never started", { type: "new" }, "pending"],
    ["runs", running, "running"],
    ["waits for its next start", { type: "backoff", until: 0, series: 1, ...ended }, "restarting"],
    ["has ended", { type: "ended", held: false, ...ended }, "exited"],
    ["could not be started", failed, "failed"],
  ])("that %s is its state", (_, lifecycle, state) => {
    expect(report(lifecycle).state).toBe(state);
  });

  it("is that it is paused only while it has a process", () => {
    const paused = { doing: null, health: "healthy", paused: true } as const;
    expect(observe(record(running), paused)).toMatchObject({ state: "paused", pid: 4242 });
    expect(observe(record(failed), paused).state).toBe("failed");
  });

  it("is what it is doing, as long as it does it", () => {
    expect(report({ type: "new" }, "pulling").state).toBe("pulling");
    expect(report(running, "stopping")).toMatchObject({ state: "stopping", pid: 4242 });
  });

  it("has pid, addresses, ports and health only while it runs", () => {
    expect(report(running)).toMatchObject({
      pid: 4242,
      ip: "10.0.0.2",
      health: "healthy",
      exitCode: null,
      startedAt: running.startedAt,
    });
    expect(report(running).ports).toHaveLength(1);
    const over = { pid: null, ip: null, addresses: {}, ports: [], health: "none" };
    for (const lifecycle of [{ type: "new" }, { type: "ended", held: true, ...ended }, failed] as Lifecycle[])
      expect(report(lifecycle)).toMatchObject(over);
  });

  it("says how it ended, and whether the kernel killed it for its memory", () => {
    expect(report({ type: "ended", held: false, ...ended })).toMatchObject({
      exitCode: 137,
      oomKilled: true,
      startedAt: ended.startedAt,
      finishedAt: ended.finishedAt,
      restarts: 2,
      runSerial: 4,
    });
    expect(report({ type: "ended", held: false, ...ended, exitCode: null }).exitCode).toBeNull();
  });

  it("says why it could not be started, with the exit code a CLI gives for that", () => {
    expect(report(failed)).toMatchObject({ error: failure, exitCode: 127, startedAt: null, finishedAt: ended.finishedAt });
    expect(report(running)).not.toHaveProperty("error");
  });

  it("counts nothing before the first start", () => {
    expect(report({ type: "new" })).toMatchObject({
      restarts: 0,
      runSerial: 0,
      startedAt: null,
      finishedAt: null,
      exitCode: null,
    });
  });
});
