import { beforeAll, expect, test } from "vitest";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let project: TestProject;

beforeAll(async () => {
  project = await platform().compose(
    `
services:
  web:
    image: host
    command: [sh, -c, "echo up; exec sleep infinity"]
    init: true
    environment: { COLOUR: blue, SIZE: small }
    working_dir: /var/tmp
    pids_limit: 40
    cap_drop: [ALL]
    deploy: { replicas: 2 }
`,
    "shop",
  );
  await project.up();
});

const exec = (...args: string[]) => platform().slipway(["exec", ...args]);

test("a command runs in a service by its name, with its exit code and its outputs apart", async () => {
  expect(await exec("shop/web", "sh", "-c", "echo out; echo err >&2; exit 4")).toEqual({
    exitCode: 4,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect(await exec("-p", "shop", "web", "true")).toMatchObject({ exitCode: 0 });
});

test("a name of one replica is that replica, and so is the beginning of its id", async () => {
  const replicas = await project.ps();
  for (const { name, id } of replicas) {
    expect(await platform().ok(["exec", name, "hostname"])).toBe(`${id}\n`);
    expect(await platform().ok(["exec", id.slice(0, 8), "hostname"])).toBe(`${id}\n`);
  }
});

test("a command has the container's environment and folder, and its own -e, -w and -u go before them", async () => {
  const script = 'echo "$COLOUR $SIZE"; pwd; id -u; id -g';
  expect(await exec("shop/web", "sh", "-c", script)).toMatchObject({ stdout: "blue small\n/var/tmp\n0\n0\n" });
  const flags = ["-e", "COLOUR=red", "-w", "/tmp", "-u", "nobody"];
  expect(await exec(...flags, "shop/web", "sh", "-c", script)).toMatchObject({ stdout: "red small\n/tmp\n65534\n65534\n" });
});

test("a command is in the container's namespaces, cgroup, capabilities and seccomp filter", async () => {
  const { name, pid } = (await project.ps())[0]!;
  const look =
    'for n in pid mnt net ipc uts user cgroup; do readlink /proc/$1/ns/$n; done; cat /proc/$1/cgroup; grep -E "Seccomp|NoNewPrivs|Cap" /proc/$1/status';
  const own = await platform().ok(["exec", name, "sh", "-c", look, "sh", "self"]);
  expect(own.split("\n")).toEqual((await platform().ok(["exec", name, "sh", "-c", look, "sh", "1"])).split("\n"));
  expect(own).toMatch(/Seccomp:\t2\n/);
  expect(own).toMatch(/CapEff:\t0000000000000000\n/);
  await using running = platform().spawn(["exec", name, "sh", "-c", "echo ready; exec sleep 600"]);
  await running.line(/^ready$/);
  expect((await platform().ok(["exec", name, "ps", "-e", "-o", "args"])).split("\n")).toContain("sleep 600");
  expect(pid).toBeGreaterThan(1);
});

test("stdin goes in with -i, and signals reach the command", async () => {
  const input = "line\n".repeat(200_000);
  expect(await platform().slipway(["exec", "-i", "shop/web", "wc", "-l"], { stdin: input })).toMatchObject({
    exitCode: 0,
    stdout: "200000\n",
  });
  expect(await platform().slipway(["exec", "shop/web", "cat"], { stdin: "unheard" })).toMatchObject({
    exitCode: 0,
    stdout: "",
  });
  const script = '$| = 1; $SIG{TERM} = sub { print "got TERM\\n"; exit 5 }; print "ready\\n"; sleep 1 while 1';
  await using running = platform().spawn(["exec", "shop/web", "perl", "-e", script]);
  await running.line(/^ready$/);
  running.child.kill("SIGTERM");
  expect(await running.result).toMatchObject({ exitCode: 5, stdout: "ready\ngot TERM\n" });
});

test("a command ends with the CLI that started it", async () => {
  const { name } = (await project.ps())[0]!;
  {
    await using running = platform().spawn(["exec", name, "sh", "-c", "echo ready; exec sleep 700"]);
    await running.line(/^ready$/);
  }
  await until(
    () => platform().ok(["exec", name, "ps", "-e", "-o", "args"]),
    (processes) => !processes.includes("sleep 700"),
  );
});

test("a command that is not there is 127, one that is not executable is 126", async () => {
  const missing = await exec("shop/web", "no-such-command");
  expect(missing.exitCode).toBe(127);
  expect(missing.stderr).toMatch(/"no-such-command" is not in the container.*SLIPWAY_CONTAINER_COMMAND_NOT_FOUND/);
  expect(await exec("shop/web", "/etc/passwd")).toMatchObject({ exitCode: 126 });
});

test("a user or folder that the container does not have is refused by name", async () => {
  const user = await exec("-u", "nosuchuser", "shop/web", "true");
  expect(user.exitCode).toBe(125);
  expect(user.stderr).toContain("nosuchuser");
  const folder = await exec("-w", "/no/such/folder", "shop/web", "true");
  expect(folder.exitCode).not.toBe(0);
  expect(folder.stderr).toContain("/no/such/folder");
});

test("exec into a container that has stopped or never was is an error that says so", async () => {
  const { name } = (await project.ps())[1]!;
  await platform().ok(["stop", name]);
  const stopped = await exec(name, "true");
  expect(stopped.exitCode).toBe(125);
  expect(stopped.stderr).toMatch(
    new RegExp(`cannot be executed in ${name}, which is exited.*SLIPWAY_API_INSTANCE_NOT_RUNNING`),
  );
  await platform().ok(["start", name]);
  const unknown = await exec("shop/wep", "true");
  expect(unknown.exitCode).toBe(125);
  expect(unknown.stderr).toMatch(/no instance or service is called "shop\/wep".*SLIPWAY_CLI_NOT_FOUND/);
});

test("inspect --plan prints every step of the launch as strace would, with result and time", async () => {
  const { name, id } = (await project.ps())[0]!;
  const text = await platform().ok(["inspect", "--plan", name]);
  expect(text).toMatch(/pivot_root\(.*\) += 0 <[\d.]+>/);
  expect(text).toMatch(/seccomp\(SECCOMP_SET_MODE_FILTER, .*\) += 0 <[\d.]+>/);
  expect(text).toMatch(/execveat\(3, .*"slipway-init", .*\) = 0 /);
  expect(text).not.toContain("not reached");
  expect(text.split("\n").length).toBeGreaterThan(40);
  const report = await platform().json<{ instanceId: string; steps: { name: string; microseconds: number | null }[] }>([
    "inspect",
    "--plan",
    name,
  ]);
  expect(report.instanceId).toBe(id);
  expect(report.steps.filter(({ microseconds }) => microseconds !== null).length).toBeGreaterThan(40);
});

test("inspect prints what was asked for and what is", async () => {
  const [details] = await platform().json<{ observed: object; spec: object }[]>(["inspect", "shop/web"]);
  expect(details).toMatchObject({
    observed: { project: "shop", service: "web", state: "running", image: "host" },
    spec: { environment: { COLOUR: "blue", SIZE: "small" }, workingDir: "/var/tmp", limits: { pids: 40 } },
  });
});
