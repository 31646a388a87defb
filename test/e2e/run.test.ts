import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";
import { freePort } from "./free-port.ts";

const platform = usePlatform();
const run = (...args: string[]) => platform().slipway(["run", "--rm", ...args]);
/** Says that it is ready, then exits with the number of the signal it got, plus 60. */
const SIGNAL_REPORTER = `$| = 1; for my $s (["TERM", 15], ["INT", 2], ["HUP", 1]) { $SIG{$s->[0]} = sub { print "got $s->[0]\\n"; exit 60 + $s->[1] } } print "ready\\n"; sleep 1 while 1`;

test("a command's exit code is the CLI's, and its two outputs stay apart", async () => {
  expect(await run("host", "sh", "-c", "echo out; echo err >&2; exit 3")).toEqual({
    exitCode: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect(await run("host", "true")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});

test.for([
  ["KILL", 137],
  ["TERM", 143],
] as const)("a command that SIG%s ends has exit code %d", async ([signal, exitCode]) => {
  expect(await run("--init", "host", "sh", "-c", `kill -${signal} $$`)).toMatchObject({ exitCode });
});

test("a command that is not there is 127, one that is not executable is 126, and both say why", async () => {
  const missing = await run("host", "no-such-command");
  expect(missing).toMatchObject({ exitCode: 127, stdout: "" });
  expect(missing.stderr).toMatch(/"no-such-command" is not in the container.*SLIPWAY_CONTAINER_COMMAND_NOT_FOUND/);
  const file = await run("host", "/etc/passwd");
  expect(file).toMatchObject({ exitCode: 126, stdout: "" });
  expect(file.stderr).toMatch(/"\/etc\/passwd" cannot be executed.*SLIPWAY_CONTAINER_COMMAND_NOT_EXECUTABLE/);
});

test("what is Slipway's or the caller's failure is 125", async () => {
  const low = await run("--memory", "1m", "host", "true");
  expect(low.exitCode).toBe(125);
  expect(low.stderr).toMatch(/--memory: .*below the minimum of 6m.*SLIPWAY_CLI_USAGE/);
  expect(await run("--no-such-flag", "host", "true")).toMatchObject({ exitCode: 125 });
  expect(await run("--user", "nobody-at-all", "host", "true")).toMatchObject({ exitCode: 125 });
  expect(await run("--cap-add", "CAP_NO_SUCH", "host", "true")).toMatchObject({ exitCode: 125 });
});

test.for([
  ["SIGTERM", 75],
  ["SIGINT", 62],
  ["SIGHUP", 61],
] as const)("%s to the CLI reaches the command", async ([signal, exitCode]) => {
  await using command = platform().spawn(["run", "--rm", "host", "perl", "-e", SIGNAL_REPORTER]);
  await command.line(/^ready$/);
  command.child.kill(signal);
  expect(await command.result).toMatchObject({ exitCode, stdout: `ready\ngot ${signal.slice(3)}\n` });
});

test("a signal reaches a command that has said nothing", async () => {
  const script = '$SIG{TERM} = sub { exit 75 }; open my $file, ">", "/tmp/armed"; sleep 1 while 1';
  await using command = platform().spawn(["run", "--rm", "--name", "silent", "host", "perl", "-e", script]);
  await until(
    () => platform().slipway(["exec", "silent", "test", "-e", "/tmp/armed"]),
    ({ exitCode }) => exitCode === 0,
  );
  command.child.kill("SIGTERM");
  expect(await command.result).toMatchObject({ exitCode: 75, stdout: "" });
});

test("a signal that a command does not handle ends it where an init is asked for", async () => {
  await using command = platform().spawn(["run", "--rm", "--init", "host", "sh", "-c", "echo ready; exec sleep 60"]);
  await command.line(/^ready$/);
  command.child.kill("SIGTERM");
  expect(await command.result).toMatchObject({ exitCode: 143 });
});

test("5 MB of stdin come through a command unchanged", async () => {
  const input = randomBytes(5 * 1024 * 1024);
  const there = await platform().slipway(["run", "--rm", "-i", "host", "sha256sum"], { stdin: input });
  expect(there).toMatchObject({ exitCode: 0, stdout: `${createHash("sha256").update(input).digest("hex")}  -\n` });
  await using echo = platform().spawn(["run", "--rm", "-i", "host", "cat"], { stdin: input });
  const back = createHash("sha256");
  for await (const chunk of echo.child.stdout) back.update(chunk as Buffer);
  expect(back.digest("hex")).toBe(createHash("sha256").update(input).digest("hex"));
});

test("a command that does not read its stdin ends all the same, and without -i it has none", async () => {
  const input = randomBytes(1024 * 1024);
  expect(await platform().slipway(["run", "--rm", "-i", "host", "true"], { stdin: input })).toMatchObject({ exitCode: 0 });
  expect(await platform().slipway(["run", "--rm", "host", "cat"], { stdin: "unheard\n" })).toMatchObject({
    exitCode: 0,
    stdout: "",
  });
});

test("-e, -w, -u, --hostname and --entrypoint are what the command sees", async () => {
  const flags = ["-e", "A=1", "-e", "FROM_SHELL", "-w", "/var/tmp", "-u", "1000:50", "--hostname", "box"];
  const script = 'echo "$A $FROM_SHELL"; pwd; id -u; id -g; cat /proc/sys/kernel/hostname';
  const seen = await platform().slipway(["run", "--rm", ...flags, "host", "sh", "-c", script], {
    env: { FROM_SHELL: "2" },
  });
  expect(seen).toMatchObject({ exitCode: 0, stdout: "1 2\n/var/tmp\n1000\n50\nbox\n" });
  expect(await run("--entrypoint", "/bin/echo", "host", "a", "b")).toMatchObject({ stdout: "a b\n" });
});

test("-v mounts folders of this machine, read-only where asked, and a named volume", async () => {
  const folder = await platform().scratch("bind");
  for (const name of ["rw", "ro"]) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, "ro/file"), "from outside\n");
  const volumes = ["-v", `${folder}/rw:/rw`, "-v", `${folder}/ro:/ro:ro`, "-v", "kept:/kept"];
  const script = "cat /ro/file; echo in >/rw/file; touch /kept/here; touch /ro/no 2>/dev/null || echo refused";
  expect(await run(...volumes, "host", "sh", "-c", script)).toMatchObject({
    exitCode: 0,
    stdout: "from outside\nrefused\n",
  });
  expect(await readFile(join(folder, "rw/file"), "utf8")).toBe("in\n");
  expect(await stat(join(folder, "rw/file"))).toMatchObject({ uid: 0, gid: 0 });
  expect(await run("-v", "kept:/other", "host", "ls", "/other")).toMatchObject({ stdout: "here\n" });
});

test("-p publishes a port on 127.0.0.1 for as long as the container runs", async () => {
  const port = await freePort();
  const server = `require("http").createServer((_, answer) => answer.end("hello from inside")).listen(8080, () => console.log("listening"))`;
  await using command = platform().spawn([
    "run",
    "--rm",
    "--init",
    "-p",
    `127.0.0.1:${port}:8080`,
    "host",
    "node",
    "-e",
    server,
  ]);
  await command.line(/^listening$/);
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hello from inside");
  command.child.kill("SIGTERM");
  expect(await command.result).toMatchObject({ exitCode: 143 });
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
});

test("--network none leaves loopback alone", async () => {
  expect(await run("--network", "none", "host", "ls", "/sys/class/net")).toMatchObject({ exitCode: 0, stdout: "lo\n" });
});

test("--cap-drop and --cap-add make the capability sets, and --read-only the root file system", async () => {
  const caps = ["--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"];
  const { stdout } = await run(...caps, "--read-only", "host", "sh", "-c", "grep CapEff /proc/self/status; touch /tmp/x");
  expect(stdout).toBe("CapEff:\t0000000000000400\n");
  expect(await run("--read-only", "host", "touch", "/tmp/x")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("Read-only file system") as string,
  });
});

test("-d prints an id and returns; the container goes on, is stopped and removed by name", async () => {
  const id = (await platform().ok(["run", "-d", "--name", "worker", "host", "perl", "-e", SIGNAL_REPORTER])).trim();
  expect(id).toMatch(/^[0-9a-f]{12}$/);
  const find = async () => (await platform().ps()).find((one) => one.id === id);
  expect(await find()).toMatchObject({ name: "worker", project: "run", image: "host", state: "running", exitCode: null });
  const { pid } = (await find())!;
  expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).toContain("perl");
  const refused = await platform().slipway(["rm", "worker"]);
  expect(refused.exitCode).not.toBe(0);
  await platform().ok(["stop", "worker"]);
  await until(find, (one) => one?.state === "exited");
  expect(await find()).toMatchObject({ exitCode: 75, pid: null, oomKilled: false });
  expect(await platform().ok(["logs", "--no-prefix", "worker"])).toBe("ready\ngot TERM\n");
  await platform().ok(["rm", "worker"]);
  await until(find, (one) => one === undefined);
});

test("a container over its memory limit is reported as killed for want of memory", async () => {
  const hog = 'my $x = "a" x (200 * 1024 * 1024); print length $x';
  expect(await platform().slipway(["run", "--name", "hog", "-m", "32m", "host", "perl", "-e", hog])).toMatchObject({
    exitCode: 137,
    stdout: "",
  });
  const [seen] = (await platform().ps()).filter(({ name }) => name === "hog");
  expect(seen).toMatchObject({ state: "exited", exitCode: 137, oomKilled: true });
  const events = await platform().json<{ event: { type: string; subject: string } }[]>(["events"]);
  const types = events.filter(({ event }) => event.subject.endsWith("/hog")).map(({ event }) => event.type);
  expect(types).toContain("dev.slipway.instance.oom-killed");
  expect(await platform().ok(["ps", "-a"])).toContain("out of memory");
  await platform().ok(["rm", "hog"]);
});

test("containers with --rm leave no instance, no folder and no network behind", async () => {
  await until(
    () => platform().ps(),
    (instances) => instances.length === 0,
  );
  const { instances, hash } = homeLayout(platform().home);
  await until(
    async () => [
      ...readdirSync(instances),
      ...readdirSync("/sys/class/net").filter((name) => name.startsWith(`sw${hash}v`)),
    ],
    (left) => left.length === 0,
  );
});
