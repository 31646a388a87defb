import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { describeClock } from "./clock.ts";
import {
  cgroupOf,
  COMPILE_CACHE,
  COMPOSE_FILE,
  HOME,
  instances,
  LAUNCHER,
  PATIENCE,
  run,
  slipway,
  unitProperty,
} from "./machine.ts";

const CONTAINERS = "/system.slice/slipway-containers.service";
const PORTS = ["--http-port", "8080", "--https-port", "8443"];

const COMPOSE = `
name: shop
services:
  kept:
    image: host
    command: [sleep, infinity]
    init: true
    restart: always
    mem_limit: 32m
    cpuset: "0"
  once:
    image: host
    command: [sleep, infinity]
    init: true
`;

test("the machine is Debian with systemd 252, pure cgroup v2, and AppArmor that enforces", async () => {
  expect(await run("systemctl", "--version")).toMatch(/^systemd 252 /);
  expect(readFileSync("/proc/1/comm", "utf8")).toBe("systemd\n");
  expect(readFileSync("/proc/mounts", "utf8")).not.toMatch(/^\S+ \S+ cgroup /m);
  expect(readFileSync("/sys/kernel/security/apparmor/profiles", "utf8")).toContain("(enforce)");
});

describe("install", () => {
  test("starts the platform, waits until it is ready, and says where things are", async () => {
    const said = await slipway("install", "--home", HOME, ...PORTS);
    expect(said).toContain(homeLayout(HOME).apiSocket);
    expect(await unitProperty("slipway", "ActiveState")).toBe("active");
    expect(await unitProperty("slipway", "StatusText")).toContain(HOME);
    expect((await run("systemctl", "is-enabled", "slipway")).trim()).toBe("enabled");
    expect(JSON.parse(await slipway("ps", "-a", "-o", "json"))).toEqual([]);
  });

  test("again changes nothing", async () => {
    const pid = await unitProperty("slipway", "MainPID");
    expect(await slipway("install", "--home", HOME, ...PORTS)).toContain("as it was");
    expect(await unitProperty("slipway", "MainPID")).toBe(pid);
  });
});

describe("containers of the service", () => {
  test("start, confined by AppArmor's kernel as by any, and are in the unit that systemd delegated", async () => {
    writeFileSync(COMPOSE_FILE, COMPOSE);
    await slipway("up", "-d", "--wait", "-f", COMPOSE_FILE);
    await slipway("run", "-d", "--name", "single", "host", "sleep", "infinity");
    const running = await instances();
    expect([...running.keys()].toSorted()).toEqual(["kept", "once", "single"]);
    for (const { pid, id } of running.values())
      expect(cgroupOf(pid!)).toBe(`${CONTAINERS}/slipway-${homeLayout(HOME).hash}/${id}`);
    const group = join("/sys/fs/cgroup", cgroupOf(running.get("kept")!.pid!));
    expect(readFileSync(join(group, "memory.max"), "utf8")).toBe(`${32 * 2 ** 20}\n`);
    expect(readFileSync(join(group, "cpuset.cpus"), "utf8")).toBe("0\n");
  });

  test("keep their processes over a restart of the service", async () => {
    const [before, server] = [await instances(), await unitProperty("slipway", "MainPID")];
    await run("systemctl", "restart", "slipway");
    expect(await unitProperty("slipway", "MainPID")).not.toBe(server);
    await expect.poll(async () => sketch(await instances()), PATIENCE).toEqual(sketch(before));
  });

  test("keep them when the server is killed, which systemd starts again", async () => {
    const [before, server] = [await instances(), await unitProperty("slipway", "MainPID")];
    process.kill(Number(server), "SIGKILL");
    const started = async (): Promise<boolean> => {
      const [state, pid] = [await unitProperty("slipway", "ActiveState"), await unitProperty("slipway", "MainPID")];
      return state === "active" && pid !== server;
    };
    await expect.poll(started, PATIENCE).toBe(true);
    await expect.poll(async () => sketch(await instances()), PATIENCE).toEqual(sketch(before));
  });

  test("run on while the service is stopped", async () => {
    const before = await instances();
    await run("systemctl", "stop", "slipway");
    for (const { pid } of before.values()) expect(() => process.kill(pid!, 0)).not.toThrow();
    await run("systemctl", "start", "slipway");
    await expect.poll(async () => sketch(await instances()), PATIENCE).toEqual(sketch(before));
  });
});

describeClock();

test("a server in any unit with Delegate=yes makes its cgroups there, and moves to a leaf for it", async () => {
  const [unit, home] = ["other.service", "/var/lib/other"];
  const server = ["server", "--home", home, "--http-port", "9080", "--https-port", "9443"];
  const options = ["--property=Delegate=yes", "--property=Type=notify", "--property=TimeoutStartSec=170"];
  // A container's first process has no handler for systemd's SIGTERM: only SIGKILL ends it.
  options.push("--property=TimeoutStopSec=20");
  options.push(`--setenv=NODE_COMPILE_CACHE=${COMPILE_CACHE}`);
  await run("systemd-run", `--unit=${unit}`, ...options, LAUNCHER, ...server);
  try {
    const own = cgroupOf(await unitProperty(unit, "MainPID"));
    expect(own).toBe(`/system.slice/${unit}/platform`);
    const ran = await run(
      "env",
      `SLIPWAY_HOST=unix://${homeLayout(home).apiSocket}`,
      LAUNCHER,
      "run",
      "-d",
      "host",
      "sleep",
      "infinity",
    );
    const id = ran.trim();
    const group = `/sys/fs/cgroup/system.slice/${unit}/slipway-${homeLayout(home).hash}`;
    expect(readdirSync(group)).toContain(id);
    expect(readdirSync("/sys/fs/cgroup").filter((name) => name.startsWith("slipway-"))).toEqual([]);
  } finally {
    await run("systemctl", "stop", unit);
  }
});

/** What a restart must not change. */
function sketch(listed: Awaited<ReturnType<typeof instances>>): object {
  return Object.fromEntries([...listed].map(([name, { pid, state, restarts }]) => [name, { pid, state, restarts }]));
}
