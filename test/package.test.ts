import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const REPOSITORY = join(import.meta.dirname, "..");
const INSTALL_TIMEOUT_MS = 180_000;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-package-"));
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: REPOSITORY });
  const [archive] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await writeFile(join(folder, "package.json"), "{}");
  await run("npm", ["install", "--silent", "--prefer-offline", join(folder, archive!)], { cwd: folder });
}, INSTALL_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the installed archive gives a slipway that runs, on its own Node, with no source in it", async () => {
  const manifest = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as { version: string };
  // The machine's own Node is out of the way: only the package's own can answer.
  const { stdout } = await run(join(folder, "node_modules/.bin/slipway"), ["version"], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
  });
  expect(stdout).toContain(manifest.version);
  const installed = await readdir(join(folder, "node_modules/slipway"), { recursive: true });
  expect(installed.filter((path) => path.endsWith(".ts"))).toEqual([]);
});

test("the installed package brings koffi and Node, and nothing that its bundles hold", async () => {
  const packages = (await readdir(join(folder, "node_modules"))).filter((name) => !name.startsWith("."));
  expect(packages.filter((name) => !name.startsWith("@"))).toEqual(["koffi", `node-linux-${process.arch}`, "slipway"]);
});

test("set-up runs in the installed package", async () => {
  const { stderr } = await run(join(folder, "node_modules/.bin/slipway"), ["setup"], {
    env: { ...process.env, SLIPWAY_NATS_SERVER: join(REPOSITORY, ".slipway/bin/nats-server") },
  });
  expect(stderr).toContain("nats-server");
});

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return String(port);
}

test("the installed package's processes start, run a container and end", async () => {
  const slipway = join(folder, "node_modules/.bin/slipway");
  const home = join(folder, "home");
  const env = { ...process.env, SLIPWAY_HOME: home, SLIPWAY_NATS_SERVER: join(REPOSITORY, ".slipway/bin/nats-server") };
  const ports = ["--http-port", await freePort(), "--https-port", await freePort()];
  const server = spawn(slipway, ["server", "--stop-containers", ...ports], {
    cwd: "/",
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "close");
  try {
    for await (const line of createInterface(server.stdout)) if (line.includes("ready — home")) break;
    const { stdout } = await run(slipway, ["run", "--rm", "host", "echo", "from the package"], { cwd: "/", env });
    expect(stdout).toBe("from the package\n");
  } finally {
    server.kill("SIGTERM");
    server.stdout.resume();
  }
  expect(await ended).toEqual([0, null]);
});

test("the launcher follows links to itself", async () => {
  await symlink(join(folder, "node_modules/.bin/slipway"), join(folder, "elsewhere"));
  await mkdir(join(folder, "bin"));
  await symlink("../elsewhere", join(folder, "bin/slipway"));
  const { stdout } = await run(join(folder, "bin/slipway"), ["version"], { cwd: "/" });
  expect(stdout).not.toBe("");
});

test("a checkout that was not set up says so, and how to", async () => {
  const checkout = join(folder, "checkout");
  await mkdir(checkout);
  await copyFile(join(REPOSITORY, "slipway"), join(checkout, "slipway"));
  await writeFile(join(checkout, "package-lock.json"), "{}");
  await expect(run(join(checkout, "slipway"), ["ps"])).rejects.toMatchObject({
    code: 125,
    stderr: expect.stringContaining("npm run setup"),
  });
});
