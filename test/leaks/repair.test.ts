import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import type { Leftover, RepairReport } from "#contracts/repair.ts";
import { composeFile, shellService } from "#test/e2e/apps.ts";
import type { CommandResult } from "#test/e2e/command.ts";
import { TestPlatform } from "#test/e2e/platform.ts";
import { remainsOf } from "#test/e2e/remains.ts";
import { until } from "#test/e2e/until.ts";

/** Holds a bit of everything: two networks, a port, a volume in memory, limits, a health check. */
const PROJECT = composeFile(
  {
    web: shellService("exec sleep 1000", {
      networks: ["front", "back"],
      ports: ["127.0.0.1:0:8080"],
      volumes: ["quick:/quick"],
      mem_limit: "64m",
      healthcheck: { test: ["CMD", "true"], interval: "1s", start_interval: "50ms" },
    }),
  },
  { networks: { front: {}, back: { internal: true } }, volumes: { quick: { driver: "tmpfs" } } },
);
const KINDS = ["process", "container", "link", "nft table", "cgroup", "run folder"];

let platform: TestPlatform;
beforeEach(async () => {
  platform = await TestPlatform.start();
}, 90_000);
afterEach(async () => platform[Symbol.asyncDispose](), 120_000);

/** Of this platform alone: other tests' may be as dead at this moment, and are not ours. */
const repair = (...flags: string[]): Promise<CommandResult> =>
  platform.slipway(["doctor", "--repair", "--home", platform.home, ...flags], { timeoutMs: 60_000 });

async function report(...flags: string[]): Promise<RepairReport> {
  const { stdout } = await repair("-o", "json", ...flags);
  return JSON.parse(stdout) as RepairReport;
}

const kindsOf = (leftovers: readonly Leftover[]): string[] => [...new Set(leftovers.map(({ kind }) => kind))].toSorted();

async function upAndKillServer(): Promise<{ container: number }> {
  const project = await platform.compose(PROJECT, "left");
  await project.up();
  const { pid } = await project.instance("web");
  // Its children live on: the next supervisor would take them over.
  await platform.crash("server");
  return { container: pid! };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function expectNothing(): Promise<void> {
  await until(
    () => remainsOf(platform.home),
    (remains) => remains.length === 0,
  );
}

describe("doctor --repair", { timeout: 120_000 }, () => {
  test("leaves a platform alone while its server runs, and says so", async () => {
    const project = await platform.compose(PROJECT, "lives");
    await project.up();
    const before = await project.ps();
    const { exitCode, stdout } = await repair();
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(
        / is live: a server runs on it \(pid \d+\); let be\nnothing of ours was left behind\n$/,
      ),
    });
    expect(await project.ps()).toEqual(before);
  });

  test("takes away everything of a platform whose server was killed and whose home is gone, and has nothing to do then", async () => {
    await upAndKillServer();
    const { home } = platform;
    renameSync(home, `${home}-gone`);
    const found = await report("--dry-run");
    expect(found.platforms).toMatchObject([{ home, state: "gone" }]);
    expect(kindsOf(found.leftovers)).toEqual(KINDS.toSorted());
    expect(new Set(found.leftovers.map(({ fate }) => fate))).toEqual(new Set(["found"]));
    expect((await remainsOf(home)).length).toBeGreaterThan(0);

    const done = await report();
    expect(done.leftovers.filter(({ fate }) => fate !== "removed")).toEqual([]);
    expect(done.leftovers.map(({ kind, name }) => `${kind} ${name}`)).toEqual(
      found.leftovers.map(({ kind, name }) => `${kind} ${name}`),
    );
    await expectNothing();
    expect(await repair()).toMatchObject({ exitCode: 0, stdout: "nothing of ours was left behind\n" });
  });

  test("lets be what the next server will adopt, and that one finds all of it", async () => {
    const { container } = await upAndKillServer();
    const done = await report();
    expect(done).toMatchObject({ platforms: [{ home: platform.home, state: "resting" }], leftovers: [] });
    await platform.startServer();
    expect(await platform.ps()).toMatchObject([{ state: "running", pid: container }]);
  });

  test("cleans a home that nothing runs on any more, and the next server starts on it and knows its project", async () => {
    const { container } = await upAndKillServer();
    killIfThere(container);
    const { keys, instances, run } = homeLayout(platform.home);
    writeFileSync(join(keys, "control.creds.0a1b2c3d.tmp"), "half");
    mkdirSync(join(instances, "0123456789ab"));
    execFileSync("mkfifo", [join(instances, "0123456789ab", "stdout.fifo")]);
    await until(
      () => report("--dry-run"),
      ({ platforms }) => platforms[0]?.state === "stopped",
    );
    const done = await report();
    expect(done.leftovers.filter(({ fate }) => fate !== "removed")).toEqual([]);
    const names = done.leftovers.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([join(keys, "control.creds.0a1b2c3d.tmp"), join(instances, "0123456789ab")]),
    );
    // The supervisor died before it could tell an agent of the container's end, or never learned of it: nothing there is news.
    expect((await remainsOf(platform.home)).filter((line) => !line.includes(run))).toEqual([]);
    await platform.startServer();
    const known = await until(
      () => platform.ps(),
      (all) => all.every(({ state }) => state === "exited"),
    );
    expect(known).toMatchObject([{ service: "web", pid: null }]);
  });
});

test("doctor's flags of a repair go with --repair alone", async () => {
  expect(await platform.slipway(["doctor", "--dry-run"])).toMatchObject({
    exitCode: 125,
    stderr: expect.stringContaining("--dry-run goes with --repair"),
  });
});
