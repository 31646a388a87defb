import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { VolumeInfo } from "#contracts/api.ts";
import { homeLayout } from "#contracts/home.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { findLeftovers } from "#runtime-node/supervisor/leftovers.ts";
import { ProcessRecords } from "#runtime-node/supervisor/process-records.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import type { Listed } from "./platform.ts";
import { whileAsking } from "./platform-traffic.ts";
import { processesOf } from "./processes-of.ts";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "death.test";
const OURS = ["nats-server", "control", "agent", "gateway"] as const;
const platform = usePlatform();
let project: TestProject;
let ca: string;

/** Says each number once it is synced to the volume. */
const SYNCED = [
  "exec perl -MIO::Handle -e '",
  'open my $file, ">>", "/data/numbers" or die; STDOUT->autoflush;',
  'for (my $i = 1; ; $i++) { print $file "$i\\n"; $file->flush; $file->sync or die; print "$i\\n"; select undef, undef, undef, 0.01 }',
  "'",
].join("");
const MORTAL = "trap 'exit 42' USR1; while :; do sleep 0.05; done";

beforeAll(async () => {
  project = await platform().compose(
    composeFile(
      {
        web: appService("echo", {
          healthcheck: ECHO_HEALTHCHECK,
          restart: "always",
          "x-slipway": { route: { host: HOST, port: 8080 } },
        }),
        once: shellService(MORTAL),
        again: shellService(MORTAL, { restart: "always" }),
        stopped: shellService("exec sleep 1000", { restart: "unless-stopped" }),
        count: shellService("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"),
        synced: shellService(SYNCED, { volumes: ["data:/data"] }),
      },
      { volumes: { data: {} } },
    ),
    "death",
  );
  await project.up();
  await platform().ok(["stop", "death-stopped-1"]);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

async function untilDead(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5));
}

const pids = (): number[] => OURS.map((name) => platform().pidOf(name));

/** The platform's processes that run, by name, as their marks say. */
function platformProcesses(): string[] {
  const { hash, processes } = homeLayout(platform().home);
  const found = findLeftovers(new LinuxKernel(), hash, new ProcessRecords(processes));
  return found
    .filter(({ pid }) => isAlive(pid))
    .map(({ name }) => name)
    .toSorted();
}

const runs = async (...services: string[]): Promise<Listed[]> =>
  (await project.ps()).filter(({ service, state }) => state === "running" && services.includes(service));

const waitFor = (service: string, isRight: (seen: Listed) => boolean): Promise<Listed> =>
  until(() => project.instance(service), isRight);

async function numbersOf(service: string): Promise<number[]> {
  const text = await platform().ok(["logs", "-p", "death", "--no-prefix", service]);
  return text.trim().split("\n").map(Number);
}

describe("while the supervisor is dead", { timeout: 120_000 }, () => {
  let before: Listed[];
  let killed: number[];

  test("the gateway serves, containers run on under watch, and what ends is known with its code", async () => {
    before = await runs("web", "count", "synced");
    killed = pids();
    const { traffic } = await whileAsking(platform(), { host: HOST, ca }, async () => {
      await platform().crash("server");
      const { pid } = await project.instance("once");
      process.kill(pid!, "SIGUSR1");
      expect(await waitFor("once", ({ state }) => state === "exited")).toMatchObject({ exitCode: exitCodeOf(42) });
      expect(await runs("web", "count", "synced")).toEqual(before);
    });
    expect([...traffic.answers]).toEqual([200]);
    expect(killed.every(isAlive)).toBe(true);
  });

  test("a container can be stopped, and one that is to be restarted waits, and says for what", async () => {
    const from = new Date();
    await platform().ok(["stop", "death-count-1"]);
    expect((await project.instance("count")).state).toBe("exited");
    const { pid } = await project.instance("again");
    process.kill(pid!, "SIGUSR1");
    expect(await waitFor("again", ({ state }) => state === "restarting")).toMatchObject({ exitCode: exitCodeOf(42) });
    await using events = new EventFeed(platform(), from);
    expect((await events.next("instance.waiting", "death-again-1")).data).toMatchObject({ for: "supervisor" });
    expect((await project.instance("again")).state).toBe("restarting");
  });

  test("a command in a container is refused with what to do, and nobody is taken for ill", async () => {
    const { exitCode, stderr } = await project.exec("web", "true");
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("[SLIPWAY_LAUNCH_SUPERVISOR_AWAY]"),
    });
    expect(stderr).toMatch(/→ .*slipway server/);
    // Several health checks have come due by now.
    expect(await project.instance("web")).toMatchObject({ state: "running", health: "healthy" });
  });

  test("the next start takes over without turning a request away, and starts what waited", async () => {
    const nats = platform().pidOf("nats-server");
    const { traffic } = await whileAsking(platform(), { host: HOST, ca }, () => platform().startServer());
    expect([...traffic.answers]).toEqual([200]);
    expect(platform().pidOf("nats-server")).toBe(nats);
    await untilDead(killed.filter((pid) => pid !== nats));
    expect(platformProcesses()).toEqual([...OURS, "supervisor"].toSorted());
    expect(await runs("web", "synced")).toEqual(before.filter(({ service }) => service !== "count"));
    expect(await waitFor("again", ({ state }) => state === "running")).toMatchObject({ restarts: 1 });
    expect(await project.sh("web", "echo lives")).toBe("lives");
    const numbers = await numbersOf("count");
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    await platform().ok(["start", "death-count-1", "death-once-1"]);
  });
});

test("a supervisor that is killed in the middle of an `up` costs nothing but time", { timeout: 120_000 }, async () => {
  const services = Object.fromEntries(
    Array.from({ length: 6 }, (_, index) => [`s${index}`, shellService("exec sleep 1000")]),
  );
  await using many = await platform().compose(composeFile(services));
  await using up = platform().spawn(["up", "-f", many.file, "-p", many.name, "--wait"], { timeoutMs: 90_000 });
  await until(
    () => many.ps(),
    (seen) => seen.some(({ state }) => state === "running" || state === "creating"),
  );
  await platform().crash("server");
  await platform().startServer();
  const { exitCode, stderr } = await up.result;
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const instances = await many.ps();
  expect(instances.map(({ state }) => state)).toEqual(Array(6).fill("running"));
  // Each has the one process that is listed: nothing of a launch that the supervisor took with it runs on.
  for (const { pid, id } of instances) expect(processesOf(platform(), id)).toEqual([pid]);
});

test(
  "everything killed at once, containers too: the next start converges, and volumes have what was synced",
  { timeout: 120_000 },
  async () => {
    const from = new Date();
    const containers = (await project.ps()).flatMap(({ pid }) => pid ?? []);
    expect(containers.length).toBe(5);
    const synced = (await numbersOf("synced")).at(-1)!;
    const ours = pids();
    const ended = platform().crash("server");
    for (const pid of [...ours, ...containers]) process.kill(pid, "SIGKILL");
    await Promise.all([ended, untilDead([...ours, ...containers])]);
    await platform().startServer();

    await waitFor("web", ({ health }) => health === "healthy");
    await waitFor("again", ({ state }) => state === "running");
    const after = Object.fromEntries((await project.ps()).map((one) => [one.service, one]));
    expect(
      Object.entries(after)
        .map(([service, { state }]) => `${service} ${state}`)
        .toSorted(),
    ).toEqual(["again running", "count exited", "once exited", "stopped exited", "synced exited", "web running"]);
    for (const service of ["web", "again"]) expect(isAlive(after[service]!.pid!)).toBe(true);
    await using events = new EventFeed(platform(), from);
    await events.next("instance.started", "death-web-1");

    const [volume] = await platform().json<VolumeInfo[]>(["volume", "inspect", "death_data"]);
    const numbers = readFileSync(`${volume!.path}/numbers`, "utf8").trim().split("\n").map(Number);
    expect(numbers.length).toBeGreaterThanOrEqual(synced);
    expect(numbers.slice(0, synced)).toEqual(Array.from({ length: synced }, (_, index) => index + 1));
    expect(platformProcesses()).toEqual([...OURS, "supervisor"].toSorted());
    expect(existsSync(homeLayout(platform().home).run)).toBe(true);
  },
);

/** Until Linux 6.15 (PIDFD_GET_INFO) a kernel tells an exit code to the parent alone. */
function exitCodeOf(code: number): number | null {
  const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 15) ? code : null;
}
