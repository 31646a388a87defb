import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { VersionInfo } from "#contracts/api.ts";
import { homeLayout } from "#contracts/home.ts";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import { type CommandResult, RunningCommand } from "./command.ts";
import { EventFeed } from "./event-feed.ts";
import { processesOf } from "./processes-of.ts";
import type { TestProject } from "./project.ts";
import { whileAsking } from "./platform-traffic.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "upgrade.test";
const UPGRADE_MS = 90_000;
const PROCESSES = ["nats-server", "control", "agent", "gateway"] as const;
/** What a package is made of, besides its dependencies. */
const SOURCES = [
  "cli",
  "contracts",
  "gateway",
  "messaging",
  "runtime-node",
  "services",
  "storage-driver",
  "telemetry",
  "slipway",
];

const platform = usePlatform();
let project: TestProject;
let ca: string;

beforeAll(async () => {
  project = await platform().compose(
    composeFile({
      web: appService("echo", { healthcheck: ECHO_HEALTHCHECK, "x-slipway": { route: { host: HOST, port: 8080 } } }),
      mortal: shellService("trap 'exit 42' USR1; while :; do sleep 0.05; done"),
      count: shellService("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"),
    }),
    "upgrade",
  );
  await project.up();
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

/** Installs a version beside the others: the same sources, changed as a test wants. */
async function install(version: string, changes: Record<string, string> = {}): Promise<string> {
  const root = await platform().scratch(`v${version}`);
  for (const name of SOURCES) await cp(join(PACKAGE_ROOT, name), join(root, name), { recursive: true });
  for (const name of ["node_modules", ".slipway"]) await symlink(join(PACKAGE_ROOT, name), join(root, name));
  await mkdir(join(root, "infra"), { recursive: true });
  const manifest = JSON.parse(await readFile(join(PACKAGE_ROOT, "package.json"), "utf8")) as object;
  await writeFile(join(root, "package.json"), JSON.stringify({ ...manifest, version }));
  for (const [path, content] of Object.entries(changes)) await writeFile(join(root, path), content);
  return root;
}

function upgradeTo(root: string): Promise<CommandResult> {
  const args = ["server", "--upgrade", "--home", platform().home];
  return new RunningCommand(join(root, "slipway"), args, { timeoutMs: UPGRADE_MS }).result;
}

async function versions(): Promise<Record<string, string>> {
  const { server } = await platform().json<{ server: VersionInfo }>(["version"]);
  return Object.fromEntries(server.processes.map(({ name, version }) => [name, version]));
}

const pids = (): Record<string, number> =>
  Object.fromEntries([...PROCESSES, "server" as const].map((name) => [name, platform().pidOf(name)]));

/** What the gateways have said of their life, in order. */
function gatewayMessages(): string[] {
  const log = readFileSync(join(homeLayout(platform().home).logs, "gateway.log"), "utf8");
  return log.match(/the gateway (?:serves|drains)/g) ?? [];
}

/** Name, id and pid of all that run. */
const running = async (): Promise<string[]> =>
  (await project.ps())
    .filter(({ state }) => state === "running")
    .map(({ name, id, pid }) => `${name} ${id} ${pid}`)
    .toSorted();

const underTraffic = <Result>(work: () => Promise<Result>) => whileAsking(platform(), { host: HOST, ca }, work);

/** `count` has printed each number once, in order. */
async function expectWholeLog(): Promise<void> {
  const lines = (await platform().ok(["logs", "-p", "upgrade", "--no-prefix", "count"])).trim().split("\n").map(Number);
  expect(lines).toEqual(lines.map((_, index) => index + 1));
}

describe("an upgrade in place", () => {
  test(
    "changes nothing but the version: pid, containers, exit codes, lines, and every request is answered",
    { timeout: 180_000 },
    async () => {
      const root = await install("99.0.0");
      const [before, containers] = [pids(), await running()];
      await using attached = platform().spawn(["exec", "upgrade/web", "sh", "-c", "echo on; exec sleep 1000"]);
      await attached.line(/^on$/);
      const { result, traffic } = await underTraffic(() => upgradeTo(root));
      expect(result).toMatchObject({ exitCode: 0, stderr: "" });
      expect(result.stdout).toMatch(/version 99\.0\.0 serves\n$/);

      expect([...traffic.answers]).toEqual([200]);
      expect(traffic.count).toBeGreaterThan(20);
      const after = pids();
      expect(after).toMatchObject({ server: before["server"], "nats-server": before["nats-server"] });
      for (const name of ["control", "agent", "gateway"] as const) expect(after[name]).not.toBe(before[name]);
      expect(await versions()).toMatchObject({
        supervisor: "99.0.0",
        control: "99.0.0",
        agent: "99.0.0",
        gateway: "99.0.0",
      });
      const entryOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[1] ?? "";
      expect(entryOf(after["server"]!)).toBe(join(root, "runtime-node/supervisor/main.mjs"));
      expect(entryOf(after["agent"]!)).toBe(join(root, "runtime-node/agent/main.mjs"));

      // The successor accepts connections before the former gateway stops to.
      expect(gatewayMessages()).toEqual(["the gateway serves", "the gateway serves", "the gateway drains"]);
      // The one thing that an upgrade ends: a command that goes through the control process and the agent.
      expect(await attached.result).toMatchObject({
        exitCode: 125,
        stderr: expect.stringContaining("[SLIPWAY_API_CLOSING]"),
      });
      expect(await project.sh("web", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).not.toContain("sleep 1000");
      expect(await running()).toEqual(containers);
      await using events = new EventFeed(platform());
      process.kill((await project.instance("mortal")).pid!, "SIGUSR1");
      expect((await events.next("instance.exited", "upgrade-mortal-1")).data).toMatchObject({ exitCode: 42 });
      await expectWholeLog();
      expect(await project.sh("web", "echo lives")).toBe("lives");
    },
  );

  test("knows the exit code of a container that ends in the very moment", { timeout: 180_000 }, async () => {
    await platform().ok(["start", "upgrade-mortal-1"]);
    const root = await install("99.0.1");
    const { pid } = await project.instance("mortal");
    const command = new RunningCommand(join(root, "slipway"), ["server", "--upgrade", "--home", platform().home], {
      timeoutMs: UPGRADE_MS,
    });
    const from = new Date();
    // The next thing is the execve.
    await command.line(/the supervisor becomes version 99\.0\.1/);
    process.kill(pid!, "SIGUSR1");
    expect(await command.result).toMatchObject({ exitCode: 0 });
    await using events = new EventFeed(platform(), from);
    expect((await events.next("instance.exited", "upgrade-mortal-1")).data).toMatchObject({ exitCode: 42 });
    expect(await project.instance("mortal")).toMatchObject({ state: "exited", exitCode: 42 });
  });

  test("lets an `up` that is under way complete, with each container started once", { timeout: 180_000 }, async () => {
    const root = await install("99.0.2");
    const names = Array.from({ length: 6 }, (_, index) => `s${index}`);
    const services = Object.fromEntries(names.map((name) => [name, shellService("exec sleep 1000")]));
    await using many = await platform().compose(composeFile(services));
    await using command = new RunningCommand(join(root, "slipway"), ["server", "--upgrade", "--home", platform().home], {
      timeoutMs: UPGRADE_MS,
    });
    await using up = platform().spawn(["up", "-f", many.file, "-p", many.name, "--wait"], { timeoutMs: UPGRADE_MS });
    expect(await command.result).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await up.result;
    expect(`${exitCode} ${exitCode === 0 ? "" : stderr}`).toBe("0 ");
    const instances = await many.ps();
    expect(instances.map(({ state }) => state)).toEqual(names.map(() => "running"));
    for (const { id, pid } of instances) expect(processesOf(platform(), id)).toEqual([pid]);
  });

  test("keeps the lock of the home: no other server can start beside it", async () => {
    const { exitCode, stderr } = await platform().slipway(["server", "--home", platform().home]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("ALREADY_RUNS") });
  });
});

describe("an upgrade that cannot be", () => {
  test("is refused when the new version does not start, and nothing is changed", { timeout: 60_000 }, async () => {
    const root = await install("99.1.0", {
      "runtime-node/supervisor/server.ts": "export {};\n",
    });
    const [before, containers, former] = [pids(), await running(), await versions()];
    const { exitCode, stderr } = await upgradeTo(root);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("named 'runServer'") });
    expect(stderr).toContain("[SLIPWAY_SERVER_UPGRADE_REFUSED]");
    expect([pids(), await running(), await versions()]).toEqual([before, containers, former]);
  });

  test(
    "goes back to the former version when a process of the new one does not serve, and says why",
    { timeout: 180_000 },
    async () => {
      const root = await install("99.2.0", { "services/main.ts": "throw new Error('broken on purpose');\n" });
      const [before, containers, former] = [pids(), await running(), await versions()];
      const { result, traffic } = await underTraffic(() => upgradeTo(root));
      expect(result).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("[SLIPWAY_SERVER_UPGRADE_FAILED]") });
      expect(result.stderr).toMatch(/control ended with .+ while it started/);
      expect(result.stdout).toContain("going back to");
      expect([...traffic.answers]).toEqual([200]);
      expect(pids()["server"]).toBe(before["server"]);
      expect(await versions()).toEqual(former);
      expect(await running()).toEqual(containers);
    },
  );

  test("is refused where no server runs, with what to do", async () => {
    const home = await platform().scratch("nobody");
    const { exitCode, stderr } = await platform().slipway(["server", "--upgrade", "--home", home]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining(`no server runs on ${home}`),
    });
    expect(existsSync(homeLayout(home).run)).toBe(false);
  });
});
