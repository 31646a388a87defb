import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** Inherited by all that a run starts with its environment, and found in /proc/<pid>/environ. */
export const RUN_MARKER = "SLIPWAY_TEST_RUN";

const ROOT = join(import.meta.dirname, "../..");
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] as const;

export interface RunningProcess {
  pid: number;
  /** Field 22 of /proc/<pid>/stat: with the pid it names one process for ever. */
  startTime: string;
  command: string;
  /** `net:[4026531840]`, …: its own and those it holds as file descriptors. */
  namespaces: string[];
  /** Started by a run of ours, from this checkout, or inside something of ours. */
  isOurs: boolean;
}

/** All processes but this one, its ancestors and zombies (dead already: their parent, often a container's PID 1, owes a wait). */
export async function listProcesses(): Promise<RunningProcess[]> {
  const own = await lineage(process.pid);
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && !own.has(pid));
  const processes = await Promise.all(pids.map(readProcess));
  return processes.filter((one) => one !== undefined);
}

async function readProcess(pid: number): Promise<RunningProcess | undefined> {
  const stat = await readStat(pid);
  // A kernel thread (a child of kthreadd, pid 2) is nobody's.
  if (stat === undefined || stat.state === "Z" || stat.parent === 2 || pid === 2) return undefined;
  const [command, environment, cgroup, folder, namespaces] = await Promise.all([
    readText(`/proc/${pid}/cmdline`),
    readText(`/proc/${pid}/environ`),
    readText(`/proc/${pid}/cgroup`),
    readlink(`/proc/${pid}/cwd`).catch(() => ""),
    readNamespaces(pid),
  ]);
  const isOurs =
    environment.split("\0").some((variable) => variable.startsWith(`${RUN_MARKER}=`)) ||
    command.includes(ROOT) ||
    /slipway/.test(cgroup) ||
    (folder === ROOT && command.includes("slipway"));
  return { pid, startTime: stat.startTime, command: command.replaceAll("\0", " ").trim(), namespaces, isOurs };
}

async function readNamespaces(pid: number): Promise<string[]> {
  const own = NAMESPACES.map((name) => readlink(`/proc/${pid}/ns/${name}`).catch(() => ""));
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const held = fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""));
  const links = await Promise.all([...own, ...held]);
  return [...new Set(links.filter((link) => /^(cgroup|ipc|mnt|net|pid|user|uts):\[\d+\]$/.test(link)))];
}

async function lineage(pid: number): Promise<Set<number>> {
  const found = new Set<number>();
  for (let current = pid; current > 0 && !found.has(current);) {
    found.add(current);
    current = (await readStat(current))?.parent ?? 0;
  }
  return found;
}

async function readStat(pid: number): Promise<{ state: string; parent: number; startTime: string } | undefined> {
  const stat = await readText(`/proc/${pid}/stat`);
  // proc(5): the name stands in parentheses and may hold anything, so fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  if (state === undefined || parent === undefined) return undefined;
  return { state, parent: Number(parent), startTime: fields[19] ?? "" };
}

function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
