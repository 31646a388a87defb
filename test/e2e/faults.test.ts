import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ask } from "#gateway/testing/clients.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import type { CommandResult } from "./command.ts";
import { EventFeed } from "./event-feed.ts";
import type { PlatformProcessName } from "./platform.ts";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "faults.test";
/** For commands of which a machine under load may take long. */
const PATIENT = { timeoutMs: 80_000 };
const serverArguments: string[] = [];
const platform = usePlatform({ args: serverArguments });
let project: TestProject;
let ca: string;

/** Ends with 42 when it is told to by a signal, which needs no agent. */
const MORTAL = shellService("trap 'exit 42' USR1; while :; do sleep 0.05; done");

beforeAll(async () => {
  project = await platform().compose(
    composeFile({
      web: appService("echo", {
        // A machine under load must not make it unhealthy.
        healthcheck: { ...ECHO_HEALTHCHECK, timeout: "20s" },
        "x-slipway": { route: { host: HOST, port: 8080 } },
      }),
      count: shellService("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"),
      "mortal-1": MORTAL,
      "mortal-2": MORTAL,
      "mortal-3": MORTAL,
      phoenix: shellService("exec sleep 1000", { restart: "always" }),
    }),
    "faults",
  );
  await project.up(PATIENT);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

const askWeb = async (path = "/"): Promise<number> =>
  (await ask({ httpsPort: platform().httpsPort, ca }, HOST, path)).status;

/** Name, id and pid of all that run. */
async function running(): Promise<string[]> {
  const instances = await project.ps();
  return instances
    .filter(({ state }) => state === "running")
    .map(({ name, id, pid }) => `${name} ${id} ${pid}`)
    .toSorted();
}

const without = (instances: string[], service: string): string[] =>
  instances.filter((one) => !one.startsWith(`faults-${service}-`));

const crash = (name: PlatformProcessName): Promise<void> => platform().crash(name);

/** The numbers that `count` has printed go on in order, each once, over all deaths. */
async function expectWholeLog(): Promise<void> {
  const lines = (await platform().ok(["logs", "-p", "faults", "--no-prefix", "count"])).trim().split("\n").map(Number);
  expect(lines[0]).toBe(1);
  const steps = lines.slice(1).map((line, index) => line - lines[index]!);
  expect(steps.filter((step) => step !== 1)).toEqual([]);
}

function expectSuccess({ exitCode, stdout, stderr }: CommandResult): void {
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}\n${stdout}${stderr}`);
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(status(pid));
const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, "utf8");

async function untilDead(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Has a mortal end with 42. */
async function end(service: string): Promise<void> {
  const { pid } = await project.instance(service);
  process.kill(pid!, "SIGUSR1");
  await untilDead(pid!);
}

/** Asks the shop again and again while something happens; what it was answered with. */
async function whileAsking<Result>(work: () => Promise<Result>): Promise<{ result: Result; statuses: Set<number> }> {
  const statuses = new Set<number>();
  let goesOn = true;
  const asking = (async () => {
    while (goesOn) {
      statuses.add(await askWeb());
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  try {
    return { result: await work(), statuses };
  } finally {
    goesOn = false;
    await asking;
  }
}

describe("kill -9 of the agent", { timeout: 90_000 }, () => {
  test("lets containers run on, reports what ended meanwhile, loses no line, and the route keeps answering", async () => {
    const before = await running();
    const mortal = await project.instance("mortal-1");
    await using events = new EventFeed(platform());
    const { statuses } = await whileAsking(async () => {
      await crash("agent");
      process.kill(mortal.pid!, "SIGUSR1");
      await untilDead(mortal.pid!);
      expect((await events.next("instance.exited", "faults-mortal-1-1")).data).toMatchObject({ exitCode: 42 });
      await events.next("node.started");
    });
    expect([...statuses]).toEqual([200]);
    // Events and states are told one beside the other: an event may come first.
    await until(
      () => project.instance("mortal-1"),
      ({ state }) => state === "exited",
    );
    expect(await project.instance("mortal-1")).toMatchObject({ state: "exited", exitCode: 42, pid: null });
    expect(await running()).toEqual(without(before, "mortal-1"));
    expect(await project.sh("web", "echo lives")).toBe("lives");
    await expectWholeLog();
  });

  test("does not keep a command from running in a container", async () => {
    await crash("agent");
    expect(await project.sh("web", "echo lives")).toBe("lives");
  });
});

describe("kill -9 in the middle of things", { timeout: 90_000 }, () => {
  const check = { test: ["CMD", "true"], interval: "100ms", start_interval: "100ms", start_period: "5s" };
  const after = (name: string) => ({ depends_on: { [name]: { condition: "service_healthy" } } });
  const chain = composeFile({
    one: shellService("exec sleep 1000", { healthcheck: check }),
    two: shellService("exec sleep 1000", { healthcheck: check, ...after("one") }),
    three: shellService("exec sleep 1000", after("two")),
  });

  test.each(["agent", "control", "nats-server"] as const)("of %s lets an `up` and a `down` complete", async (name) => {
    const before = await running();
    const other = await platform().compose(chain);
    await using up = platform().spawn(["up", "-f", other.file, "-p", other.name, "--wait"], PATIENT);
    await up.line(/one/, "stderr");
    await crash(name);
    expectSuccess(await up.result);
    const instances = await other.ps();
    expect(instances.map(({ service, state }) => `${service} ${state}`).toSorted()).toEqual([
      "one running",
      "three running",
      "two running",
    ]);
    await using down = platform().spawn(["down", "-p", other.name], PATIENT);
    await down.line(/three/, "stderr");
    await crash(name);
    expectSuccess(await down.result);
    expect(await other.ps()).toEqual([]);
    expect(instances.filter(({ pid }) => isAlive(pid!))).toEqual([]);
    expect(await running()).toEqual(before);
  });
});

describe("kill -9 of agent, control and nats-server at once", { timeout: 90_000 }, () => {
  test("lets the gateway serve on and containers run on, and all is known again", async () => {
    const before = await running();
    const { statuses } = await whileAsking(async () => {
      await Promise.all([crash("nats-server"), crash("agent"), crash("control")]);
      await until(
        () => project.exec("web", "true"),
        ({ exitCode }) => exitCode === 0,
      );
    });
    expect([...statuses]).toEqual([200]);
    expect(await running()).toEqual(before);
    await expectWholeLog();
  });
});

describe("kill -9 of nats-server", { timeout: 90_000 }, () => {
  test("lets all containers run on as they are, keeps the routes answering, and `up` works afterwards", async () => {
    const before = await running();
    const from = new Date();
    await using other = await platform().compose(composeFile({ one: shellService("exec sleep 1000") }));
    const { statuses } = await whileAsking(async () => {
      await crash("nats-server");
      await other.up();
    });
    expect([...statuses]).toEqual([200]);
    expect(await running()).toEqual(before);
    await using events = new EventFeed(platform(), from);
    await events.next("instance.started", `${other.name}-one-1`);
    const touched = events.seen.filter(({ event }) => event.subject.startsWith("faults/"));
    expect(touched.map(({ event }) => `${event.type} ${event.subject}`)).toEqual([]);
  });
});

describe("kill -9 of the gateway", { timeout: 90_000 }, () => {
  test("lets requests wait in the backlog, and they are answered when it is back", async () => {
    await crash("gateway");
    const answers = await Promise.all(Array.from({ length: 20 }, () => askWeb()));
    expect(answers).toEqual(Array(20).fill(200));
  });
});

describe("a container that is killed from outside", { timeout: 90_000 }, () => {
  test("is started again when its restart policy says so, and its exit code is 137", async () => {
    const { pid, id, restarts } = await project.instance("phoenix");
    await using events = new EventFeed(platform());
    process.kill(pid!, "SIGKILL");
    expect((await events.next("instance.exited", "faults-phoenix-1")).data).toMatchObject({ exitCode: 137 });
    await events.next("instance.restarting", "faults-phoenix-1");
    await events.next("instance.started", "faults-phoenix-1");
    const phoenix = await until(
      () => project.instance("phoenix"),
      (seen) => seen.state === "running" && seen.pid !== pid,
    );
    expect(phoenix).toMatchObject({ id, state: "running", restarts: restarts + 1 });
    expect(phoenix.pid).not.toBe(pid);
  });
});

describe("kill -9 of the server", { timeout: 90_000 }, () => {
  test("lets containers run on; the next start adopts them and knows their exit codes", { timeout: 90_000 }, async () => {
    const before = await running();
    const pids = before.map((one) => Number(one.split(" ")[2]));
    await crash("server");
    expect(pids.filter(isAlive)).toEqual(pids);
    await platform().startServer();
    expect(await running()).toEqual(before);
    await using events = new EventFeed(platform());
    await end("mortal-2");
    const exited = await events.next("instance.exited", "faults-mortal-2-1");
    // Until 6.15 (PIDFD_GET_INFO) a kernel tells an exit code to the parent alone.
    expect(exited.data).toMatchObject({ exitCode: tellsExitCodes() ? 42 : null });
    await expectWholeLog();
    expect(await askWeb()).toBe(200);
  });
});

describe("the end of the server", { timeout: 90_000 }, () => {
  test("by SIGTERM leaves containers running, and the next start adopts them", { timeout: 90_000 }, async () => {
    const before = await running();
    const pids = before.map((one) => Number(one.split(" ")[2]));
    const { exitCode, stdout } = await platform().stopServer();
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("run on") });
    expect(pids.filter(isAlive)).toEqual(pids);
    await platform().startServer();
    expect(await running()).toEqual(before);
    await expectWholeLog();
    expect(await project.sh("web", "echo lives")).toBe("lives");
  });

  test("with --stop-containers ends them, and the next start begins them again", { timeout: 90_000 }, async () => {
    await platform().stopServer();
    serverArguments.push("--stop-containers");
    await platform().startServer();
    const pids = (await running()).map((one) => Number(one.split(" ")[2]));
    await platform().stopServer();
    expect(pids.filter(isAlive)).toEqual([]);
    await platform().startServer();
    await project.up(PATIENT);
    expect((await project.instance("phoenix")).state).toBe("running");
  });
});

function tellsExitCodes(): boolean {
  const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 15);
}
