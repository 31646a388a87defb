import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { INVENTORIES } from "#test/machine/inventories.ts";
import { appService, composeFile, shellService } from "./apps.ts";
import { type PlatformProcessName, TestPlatform } from "./platform.ts";
import { remainsOf } from "./remains.ts";
import { until } from "./until.ts";

/** A project with a part of everything that takes something of the machine. */
const EVERYTHING = composeFile(
  {
    web: appService("echo", {
      ports: ["127.0.0.1:0:8080", "127.0.0.1:0:8080/udp"],
      networks: ["front", "back"],
      mem_limit: "128m",
      cpus: 0.5,
      pids_limit: 50,
      init: true,
      "x-slipway": { route: { host: "clean.test", port: 8080 }, publishes: ["clean.up"] },
    }),
    store: shellService("exec sleep 1000", {
      volumes: ["kept:/kept", "quick:/quick", "./made-for-it:/bound", "/anonymous"],
      networks: ["back"],
      deploy: { replicas: 1 },
    }),
    alone: shellService("exec sleep 1000", { networks: {} }),
  },
  {
    networks: { front: {}, back: { internal: true } },
    volumes: { kept: {}, quick: { driver: "tmpfs" } },
  },
);

/** What the machine has of this home by name: addresses, routes and rules too. */
async function namedAfter(home: string): Promise<string[]> {
  const { hash } = homeLayout(home);
  const texts = await Promise.all(INVENTORIES.map((inventory) => inventory.read()));
  return texts.flat().filter((line) => line.includes(hash));
}

async function expectNothingOf(home: string): Promise<void> {
  await until(
    () => remainsOf(home),
    (remains) => remains.length === 0,
  );
  expect(await namedAfter(home)).toEqual([]);
}

/** Fails a launch when nearly all of it was made: the command is looked for last. */
const NOT_THERE = composeFile(
  {
    bad: { image: "host", command: ["no-such-command"], volumes: ["kept:/kept"], ports: ["127.0.0.1:0:80"] },
  },
  { volumes: { kept: {} } },
);

describe("the machine is as it was", () => {
  test("after `down` and the end of the server", { timeout: 120_000 }, async () => {
    await using platform = await TestPlatform.start();
    const { home } = platform;
    const project = await platform.compose({ "compose.yaml": EVERYTHING, "made-for-it/file": "" }, "all");
    await project.up({ timeoutMs: 60_000 });
    const there = (await namedAfter(home)).length;
    expect(there).toBeGreaterThan(10);
    await project.down("-v");
    const instances = readdirSync(homeLayout(home).instances);
    expect(instances).toEqual([]);
    expect((await namedAfter(home)).length).toBeLessThan(there);
    await platform.stopServer();
    await expectNothingOf(home);
  });

  test("after launches that failed, one after the other", { timeout: 120_000 }, async () => {
    await using platform = await TestPlatform.start();
    const warmUp = await platform.compose(NOT_THERE, "warm-up");
    await warmUp.tryUp();
    await warmUp.down("-v");
    const before = await namedAfter(platform.home);
    for (const name of ["first", "second"]) {
      const project = await platform.compose(NOT_THERE, name);
      expect(await project.tryUp()).toMatchObject({ exitCode: 1 });
      expect((await project.instance("bad")).state).toBe("failed");
      await project.down("-v");
      expect(await platform.slipway(["run", "--rm", "host", "no-such-command"])).toMatchObject({ exitCode: 127 });
    }
    await until(
      () => namedAfter(platform.home),
      (now) => now.filter((line) => !before.includes(line)).length === 0,
    );
  });

  test("after a kill -9 of everything, a start, `down` and a stop", { timeout: 120_000 }, async () => {
    await using platform = await TestPlatform.start();
    const { home } = platform;
    const project = await platform.compose({ "compose.yaml": EVERYTHING, "made-for-it/file": "" }, "all");
    await project.up({ timeoutMs: 60_000 });
    const containers = (await project.ps()).map(({ pid }) => pid!);
    const processes: PlatformProcessName[] = ["nats-server", "control", "agent", "gateway"];
    const pids = processes.map((name) => platform.pidOf(name));
    await platform.crash("server");
    for (const pid of [...pids, ...containers]) killIfThere(pid);
    await platform.startServer();
    // The power cut ended all containers; what has no restart policy stays down, and all of it can be taken away.
    await until(
      () => project.ps(),
      (instances) => instances.every(({ state, pid }) => state === "exited" && pid === null),
    );
    await project.down("-v");
    await platform.stopServer();
    await expectNothingOf(home);
  });

  test("after a server that was killed and never came back but to clean up", { timeout: 120_000 }, async () => {
    await using platform = await TestPlatform.start();
    const { home } = platform;
    const id = (await platform.ok(["run", "-d", "host", "sleep", "1000"])).trim();
    const [{ pid } = { pid: null }] = await platform.ps();
    await platform.crash("server");
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^State:\s+S/m);
    await platform.startServer();
    await platform.ok(["rm", "-f", id]);
    await platform.stopServer();
    await expectNothingOf(home);
  });
});

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
