import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { RecordedEvent } from "#contracts/event.ts";
import { homeLayout } from "#contracts/home.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const SLEEP = "image: host\n    init: true\n    command: [sleep, infinity]";
/** The limit as cgroup v2 names it, or v1. */
const read = (v2: string, v1: string): string => `cat /sys/fs/cgroup/${v2} 2>/dev/null || cat /sys/fs/cgroup/${v1}`;

test("memory, CPU and process limits are the container's, in both of Compose's forms", async () => {
  const project = await platform().compose(`
services:
  short:
    ${SLEEP}
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 30
  long:
    ${SLEEP}
    deploy: { resources: { limits: { memory: 64M, cpus: "0.5", pids: 30 } } }
`);
  await project.up();
  for (const service of ["short", "long"]) {
    expect(await project.sh(service, read("memory.max", "memory/memory.limit_in_bytes"))).toBe(String(64 * 2 ** 20));
    expect(await project.sh(service, read("pids.max", "pids/pids.max"))).toBe("30");
    expect(await project.sh(service, read("cpu.max", "cpu/cpu.cfs_quota_us"))).toMatch(/^50000\b/);
  }
  await project.down();
});

test("a memory hog is killed alone: the event says so, and its neighbour and the platform go on", async () => {
  const project = await platform().compose(`
services:
  hog:
    image: host
    mem_limit: 32m
    command: [perl, -e, 'my $$x = "a" x (300 * 1024 * 1024); print length $$x']
  neighbour:
    ${SLEEP}
    mem_limit: 64m
`);
  const agent = platform().pidOf("agent");
  await platform().slipway(["up", "-d", "-f", project.file, "-p", project.name]);
  const hog = await until(
    () => project.instance("hog"),
    ({ state }) => state === "exited",
  );
  expect(hog).toMatchObject({ oomKilled: true, exitCode: 137 });
  const events = await platform().json<RecordedEvent[]>(["events", "-p", project.name]);
  const killed = events.filter(({ event }) => event.type === "dev.slipway.instance.oom-killed");
  expect(killed.map(({ event }) => event.data["instanceId"])).toEqual([hog.id]);
  expect(await project.instance("neighbour")).toMatchObject({ state: "running", restarts: 0, oomKilled: false });
  expect(platform().pidOf("agent")).toBe(agent);
  await project.down();
});

test("a hog that is to be restarted is, and is counted", async () => {
  const project = await platform().compose(`
services:
  hog:
    image: host
    mem_limit: 32m
    restart: on-failure:1
    command: [perl, -e, 'my $$x = "a" x (300 * 1024 * 1024); print length $$x']
`);
  await platform().ok(["up", "-d", "-f", project.file, "-p", project.name]);
  const hog = await until(
    () => project.instance("hog"),
    ({ state }) => state === "exited",
  );
  expect(hog).toMatchObject({ restarts: 1, oomKilled: true });
  await project.down();
});

test("a fork bomb stops at its limit, and the node still answers", async () => {
  const project = await platform().compose(`
services:
  bomb:
    image: host
    pids_limit: 25
    stop_grace_period: 100ms
    command: [perl, -e, "while (1) { fork // sleep 1 }"]
`);
  await project.up();
  const { id } = await project.instance("bomb");
  const folder = `slipway-${homeLayout(platform().home).hash}/${id}`;
  const file = [`/sys/fs/cgroup/pids/${folder}`, `/sys/fs/cgroup/${folder}`].find((path) => existsSync(path))!;
  await until(
    () => readFile(`${file}/pids.current`, "utf8"),
    (count) => count === "25\n",
  );
  expect(await platform().slipway(["run", "--rm", "host", "echo", "alive"])).toMatchObject({ stdout: "alive\n" });
  const full = await project.exec("bomb", "true");
  expect(full.exitCode).toBe(125);
  expect(full.stderr).toMatch(/EAGAIN.*SLIPWAY_\w+/);
  await project.down();
});

test("exec is held to the container's limits", async () => {
  const project = await platform().compose(`services:\n  app:\n    ${SLEEP}\n    mem_limit: 32m\n    pids_limit: 12\n`);
  await project.up();
  const forks = await project.exec("app", "bash", "-c", "for i in {1..30}; do sleep 0.5 & done; wait");
  expect(forks.stderr).toMatch(/fork/);
  const hog = await project.exec("app", "perl", "-e", 'my $x = "a" x (300 * 1024 * 1024); print length $x');
  expect(hog).toMatchObject({ exitCode: 137, stdout: "" });
  await project.down();
});

test("a CPU limit slows a busy process down", async () => {
  const busy =
    "use POSIX; my $end = time + 2; 1 while time < $end; my @t = POSIX::times(); print $t[1] / POSIX::sysconf(POSIX::_SC_CLK_TCK())";
  const limited = await platform().ok(["run", "--rm", "--cpus", "0.2", "host", "perl", "-e", busy]);
  expect(Number(limited)).toBeLessThan(0.8);
});

test("a process that does not fit its limit from the start is killed, and the next one starts", async () => {
  const start = (memory: string) =>
    platform().slipway(["run", "--rm", "-m", memory, "host", "node", "-e", "console.log('fits')"]);
  expect(await start("6m")).toMatchObject({ exitCode: 137, stdout: "" });
  expect(await start("200m")).toMatchObject({ exitCode: 0, stdout: "fits\n" });
});

test("swap, reservations, shares, a set of CPUs, devices and an OOM score are the container's", async () => {
  const project = await platform().compose(`
services:
  app:
    ${SLEEP}
    mem_limit: 64m
    memswap_limit: 96m
    mem_reservation: 32m
    cpu_shares: 512
    cpu_quota: 20000
    cpu_period: 40ms
    cpuset: "0"
    oom_score_adj: 100
    devices: ["/dev/kmsg:/dev/messages:w"]
`);
  await project.up();
  const swap = String((existsSync("/sys/fs/cgroup/cgroup.controllers") ? 32 : 96) * 2 ** 20);
  expect(await project.sh("app", read("memory.swap.max", "memory/memory.memsw.limit_in_bytes"))).toBe(swap);
  expect(await project.sh("app", read("memory.low", "memory/memory.soft_limit_in_bytes"))).toBe(String(32 * 2 ** 20));
  expect(await project.sh("app", read("cpu.weight", "cpu/cpu.shares"))).toMatch(/^(20|512)$/);
  expect(await project.sh("app", read("cpu.max", "cpu/cpu.cfs_quota_us"))).toMatch(/^20000\b/);
  expect(await project.sh("app", "grep Cpus_allowed_list /proc/1/status; cat /proc/1/oom_score_adj")).toMatch(/\t0\n100$/);
  const device = await project.sh(
    "app",
    "(: >/dev/messages) && echo opened; (: </dev/messages) 2>/dev/null || echo refused",
  );
  expect(device).toBe("opened\nrefused");
  await project.down();
});

test("a paused service stands still, takes no command, says so, and goes on when it may; it is stopped all the same", async () => {
  const project = await platform().compose(`
services:
  app:
    image: host
    init: true
    stop_grace_period: 1s
    command: [bash, -c, 'trap "exit 0" TERM; while :; do echo tick; sleep 0.05; done']
`);
  await project.up();
  const { id, pid } = await project.instance("app");
  const verb = (...args: string[]): Promise<string> => platform().ok([...args, "-p", project.name]);
  await verb("pause", "app");
  expect(await project.instance("app")).toMatchObject({ state: "paused", pid });
  await verb("pause", "app");
  const refused = await project.exec("app", "true");
  expect(refused).toMatchObject({ exitCode: 125, stderr: expect.stringMatching(/is paused[^]*slipway unpause/) });
  // The agent may die meanwhile: who comes next finds it as it is.
  await platform().crash("agent");
  await until(
    () => project.instance("app"),
    ({ state }) => state === "paused",
  );
  await verb("unpause", "app");
  expect(await project.instance("app")).toMatchObject({ state: "running", pid, restarts: 0 });
  expect(await project.sh("app", "echo works")).toBe("works");
  await verb("pause", "app");
  await verb("stop", "app");
  expect(await project.instance("app")).toMatchObject({ state: "exited", exitCode: 0 });
  const events = await platform().json<RecordedEvent[]>(["events", "-p", project.name]);
  const told = events.filter(({ event }) => event.data["instanceId"] === id).map(({ event }) => event.type);
  expect(told.filter((type) => /pause/.test(type))).toEqual(
    ["paused", "unpaused", "paused"].map((type) => `dev.slipway.instance.${type}`),
  );
  await project.down();
});
