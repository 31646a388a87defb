import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { type HomeLayout, homeLayout } from "#contracts/home.ts";
import { INVENTORIES } from "#test/machine/inventories.ts";
import type { PlatformProcessName, TestPlatform } from "#test/e2e/platform.ts";
import type { Snapshot } from "#test/machine/snapshot.ts";
import { readCredentials } from "./credentials.ts";

const run = promisify(execFile);
const PROCESSES: readonly PlatformProcessName[] = ["server", "agent", "control", "gateway", "nats-server"];
/** What grows by design, and is bounded by its own rules: logs, JetStream's store, what was downloaded. */
const GROWS = /^(logs|nats\/jetstream|images\/(blobs|layers|host))\//;

/** Everything that a platform holds while it runs, of its own machine's share alone: other tests may run beside. */
export async function takeHoldings(platform: TestPlatform): Promise<Snapshot> {
  const layout = homeLayout(platform.home);
  const supervisor = platform.pidOf("server");
  const lines: Record<string, string[]> = {
    ...(await readNamed(layout.hash)),
    "nft elements": await readTables(layout.hash),
    mounts: await readMounts(supervisor),
    ...(await readProcesses(platform)),
    files: await readFiles(layout),
    credentials: await readCredentials(layout),
  };
  return new Map(Object.entries(lines).map(([name, found]) => [name, new Set(numbered(found))]));
}

/** The machine's inventories, of which what is named after the home. */
async function readNamed(hash: string): Promise<Record<string, string[]>> {
  const named = ["network links", "addresses", "routes and rules", "cgroups", "loop devices"];
  const found = INVENTORIES.filter(({ name }) => named.includes(name)).map(async (inventory) => {
    return [inventory.name, (await inventory.read()).filter((line) => line.includes(hash))] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

async function readTables(hash: string): Promise<string[]> {
  const tables = ["ip", "bridge"].map(async (family) => {
    const { stdout } = await run("nft", ["-s", "list", "table", family, `slipway_${hash}`]);
    return stdout.split("\n").map((line) => line.trim());
  });
  return (await Promise.all(tables)).flat().filter((line) => line !== "" && line !== "}");
}

/** Of the mount namespace that all of the platform's processes share. */
async function readMounts(pid: number): Promise<string[]> {
  const lines = (await readFile(`/proc/${pid}/mountinfo`, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [, , , root, target, ...rest] = line.split(" ");
    const [type, source] = rest.slice(rest.indexOf("-") + 1);
    return `${target} (${type} of ${source}, root ${root})`;
  });
}

/** What each process has open, by kind; and the namespaces that any of them is in, or pins. */
async function readProcesses(platform: TestPlatform): Promise<Record<string, string[]>> {
  const files: string[] = [];
  const namespaces = new Set<string>();
  for (const name of PROCESSES) {
    const pid = platform.pidOf(name);
    for (const target of await readLinks(`/proc/${pid}/fd`)) {
      if (isNamespace(target)) namespaces.add(target);
      // JetStream keeps as many of its files open as it has and needs at the moment.
      if (!target.includes("/nats/jetstream/")) files.push(`${name}: ${kindOf(target)}`);
    }
    for (const target of await readLinks(`/proc/${pid}/ns`)) namespaces.add(target);
  }
  return { "open files": files.toSorted(), namespaces: [...namespaces] };
}

const isNamespace = (target: string): boolean => /^(cgroup|ipc|mnt|net|pid|time|user|uts):\[/.test(target);

/** Without the numbers, which are others in a process that was started again. */
function kindOf(target: string): string {
  if (/^(socket|pipe):/.test(target)) return target.replace(/:.*/, "");
  return target.replaceAll(/\d{2,}/g, "N");
}

async function readFiles({ home, run: runFolder }: HomeLayout): Promise<string[]> {
  const folders = [home, runFolder].map(async (folder) => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .filter((path) => !GROWS.test(path))
      .map((path) => join(folder, path));
  });
  return (await Promise.all(folders)).flat().toSorted();
}

async function readLinks(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const links = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => "")));
  return links.filter((link) => link !== "");
}

/** Makes equal lines differ, so that one more is seen. */
function numbered(lines: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const count = (seen.get(line) ?? 0) + 1;
    seen.set(line, count);
    return count === 1 ? line : `${line} (${count})`;
  });
}
