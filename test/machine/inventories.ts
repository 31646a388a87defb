import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { listProcesses } from "./processes.ts";

const run = promisify(execFile);

/** One kind of thing that a run could leave: each is a line that names it. */
export interface Inventory {
  name: string;
  read(): Promise<string[]>;
}

export const INVENTORIES: readonly Inventory[] = [
  { name: "network links", read: () => names("/sys/class/net") },
  { name: "addresses", read: () => output("ip", ["-brief", "address"]) },
  {
    name: "routes and rules",
    read: async () => [...(await output("ip", ["route", "show", "table", "all"])), ...(await output("ip", ["rule"]))],
  },
  { name: "named network namespaces", read: () => names("/run/netns") },
  { name: "namespaces", read: readNamespaces },
  { name: "mounts", read: readMounts },
  { name: "cgroups", read: () => readCgroups("/sys/fs/cgroup") },
  // -s leaves out counters, which move by themselves.
  { name: "nft ruleset", read: readNftRules },
  { name: "loop devices", read: readLoopDevices },
  { name: "processes", read: readProcesses },
  { name: "temporary files", read: readTemporaries },
];

async function readProcesses(): Promise<string[]> {
  const processes = await listProcesses();
  return processes
    .filter(({ isOurs }) => isOurs)
    .map(({ pid, startTime, command }) => `${pid} (started at ${startTime}): ${command}`);
}

/** Of processes that are not ours the namespaces are left out: a browser or a system service makes and ends them at will. */
async function readNamespaces(): Promise<string[]> {
  const processes = await listProcesses();
  return [...new Set(processes.filter(({ isOurs }) => isOurs).flatMap(({ namespaces }) => namespaces))];
}

/**
 * proc_pid_mountinfo(5), without ids and peer groups: they change when a mount is made anew. /run/netns itself is left out:
 * the first `ip netns add` on a machine makes it a mount, and iproute2 keeps it for ever.
 */
async function readMounts(): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").filter((line) => line !== "");
  const mounts = lines.map((line) => {
    const [, , , root, target, ...rest] = line.split(" ");
    const [type, source] = rest.slice(rest.indexOf("-") + 1);
    return `${target} (${type} of ${source}, root ${root})`;
  });
  return numbered(mounts.filter((mount) => !mount.startsWith("/run/netns (")));
}

/** systemd's own units are left out: it makes and removes them while a run goes on. */
async function readCgroups(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter(
    (entry) => entry.isDirectory() && !/\.(service|scope|slice|mount|socket)$/.test(entry.name),
  );
  const below = await Promise.all(folders.map(({ name }) => readCgroups(join(folder, name))));
  return [...folders.map(({ name }) => join(folder, name)), ...below.flat()];
}

async function readNftRules(): Promise<string[]> {
  return numbered(await output("nft", ["-s", "list", "ruleset"]));
}

async function readLoopDevices(): Promise<string[]> {
  const devices = (await names("/sys/block")).filter((name) => name.startsWith("loop"));
  const files = await Promise.all(
    devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => undefined)),
  );
  return files.flatMap((file, index) => (file === undefined ? [] : [`${devices[index]}: ${file.trim()}`]));
}

async function readTemporaries(): Promise<string[]> {
  const ours = (await names(tmpdir())).filter((name) => name.startsWith("slipway"));
  const homes = await names("/run/slipway");
  return [...ours.map((name) => join(tmpdir(), name)), ...homes.map((name) => join("/run/slipway", name))];
}

function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** The lines that a command prints; none where the machine lacks it, since then nothing of ours can have used it. */
async function output(command: string, args: string[]): Promise<string[]> {
  const { stdout } = await run(command, args, { maxBuffer: 64 * 1024 * 1024 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return { stdout: "" };
    throw error;
  });
  return stdout.split("\n").filter((line) => line.trim() !== "");
}

/** Makes equal lines differ, so that a second one of the same is seen. */
function numbered(lines: string[]): string[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const count = (seen.get(line) ?? 0) + 1;
    seen.set(line, count);
    return count === 1 ? line : `${line} (${count})`;
  });
}
