import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readlink, rm, rmdir, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RUN_MARKER } from "./processes.ts";
import { compareSnapshots, takeSnapshot } from "./snapshot.ts";

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: "utf8" }).trim();

/** What the machine has more after `make`, and still has after `unmake`, as `inventory: what`. */
async function leftBy(make: () => Promise<void>, unmake: () => Promise<void>): Promise<string> {
  const before = await takeSnapshot();
  await make();
  const differences = await takeSnapshot().finally(unmake);
  return compareSnapshots(before, differences)
    .filter(({ kind }) => kind === "left")
    .map(({ inventory, what }) => `${inventory}: ${what}`)
    .join("\n");
}

test("a link, an address and a route that are left are seen", async () => {
  const left = await leftBy(
    async () => {
      run("ip", "link", "add", "clean-test0", "type", "bridge");
      run("ip", "address", "add", "10.213.77.1/24", "dev", "clean-test0");
      run("ip", "link", "set", "clean-test0", "up");
    },
    async () => void run("ip", "link", "del", "clean-test0"),
  );
  expect(left).toMatch(/network links: clean-test0/);
  expect(left).toMatch(/addresses: clean-test0 .*10\.213\.77\.1/);
  expect(left).toMatch(/routes and rules: .*10\.213\.77\.0/);
});

test("a named network namespace that is left is seen, and its mount", async () => {
  const left = await leftBy(
    async () => void run("ip", "netns", "add", "clean-test"),
    async () => void run("ip", "netns", "del", "clean-test"),
  );
  expect(left).toContain("named network namespaces: clean-test");
  expect(left).toContain("mounts: /run/netns/clean-test");
});

test("a second mount on the same place that is left is seen", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-clean-"));
  const mount = async (): Promise<void> => void run("mount", "-t", "tmpfs", "clean-test", folder);
  const unmount = async (): Promise<void> => void run("umount", folder);
  await mount();
  try {
    expect(await leftBy(mount, unmount)).toContain(`mounts: ${folder} (tmpfs of clean-test, root /) (2)`);
  } finally {
    await unmount();
    await rm(folder, { recursive: true });
  }
});

test("a cgroup that is left is seen", async () => {
  const hierarchy = (await readdir("/sys/fs/cgroup")).includes("pids") ? "pids" : ".";
  const folder = join("/sys/fs/cgroup", hierarchy, "clean-test");
  const left = await leftBy(
    () => mkdir(folder).then(() => undefined),
    () => rmdir(folder),
  );
  expect(left).toContain(`cgroups: ${folder}`);
});

test("an nft table that is left is seen", async () => {
  const left = await leftBy(
    async () => void run("nft", "add", "table", "ip", "clean_test"),
    async () => void run("nft", "delete", "table", "ip", "clean_test"),
  );
  expect(left).toContain("nft ruleset: table ip clean_test");
});

test("a loop device that is left is seen", async (context) => {
  if (!(await readdir("/dev")).includes("loop-control")) return context.skip("this kernel has no loop devices");
  const file = join(tmpdir(), "slipway-clean-loop.img");
  await writeFile(file, "");
  await truncate(file, 1024 * 1024);
  let device = "";
  const left = await leftBy(
    async () => void (device = run("losetup", "--find", "--show", file)),
    async () => void run("losetup", "--detach", device),
  );
  await rm(file);
  expect(left).toContain(`loop devices: ${device.replace("/dev/", "")}: ${file}`);
  return undefined;
});

test("a process of the run that is left is seen, with the namespaces that it keeps alive", async () => {
  const child = spawn("unshare", ["--net", "sleep", "60"], {
    env: { ...process.env, [RUN_MARKER]: "clean-test" },
    stdio: "ignore",
  });
  await once(child, "spawn");
  try {
    const nothing = new Map([...(await takeSnapshot()).keys()].map((name) => [name, new Set<string>()]));
    const seen = async (): Promise<string[]> =>
      compareSnapshots(nothing, await takeSnapshot()).map(({ inventory, what }) => `${inventory}: ${what}`);
    await expect.poll(seen).toContainEqual(expect.stringMatching(/^processes: .*sleep 60$/));
    const own = await readlink("/proc/self/ns/net");
    expect((await seen()).filter((line) => line.startsWith("namespaces: net:") && !line.includes(own))).not.toEqual([]);
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
});

test("a temporary file of ours that is left is seen", async () => {
  const file = join(tmpdir(), "slipway-clean-file");
  const left = await leftBy(
    () => writeFile(file, ""),
    () => rm(file),
  );
  expect(left).toContain(`temporary files: ${file}`);
});

test("what a run takes away that was there before is seen", () => {
  const before = new Map([["nft ruleset", new Set(["table ip docker"])]]);
  expect(compareSnapshots(before, new Map([["nft ruleset", new Set<string>()]]))).toEqual([
    { inventory: "nft ruleset", kind: "gone", what: "table ip docker" },
  ]);
});
