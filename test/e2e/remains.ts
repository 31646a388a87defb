import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { homeLayout } from "#contracts/home.ts";

const run = promisify(execFile);
const SETTLE_MS = 20_000;
const RETRY_MS = 100;

/** What the machine still has of one home: links, nft tables, cgroups, mounts, processes, its run folder. */
export async function remainsOf(home: string): Promise<string[]> {
  const { hash, run: runFolder } = homeLayout(home);
  const { stdout: tables } = await run("nft", ["list", "tables"]);
  return [
    ...readdirSync("/sys/class/net")
      .filter((name) => name.startsWith(`sw${hash}`))
      .map((name) => `link ${name}`),
    ...tables
      .split("\n")
      .filter((line) => line.includes(`slipway_${hash}`))
      .map((line) => `nft ${line}`),
    ...cgroupsOf(`slipway-${hash}`),
    ...mountsUnder(home, runFolder),
    ...processesOf(home),
    ...(existsSync(runFolder) ? [`run folder ${runFolder}`] : []),
  ];
}

/** Resolves when nothing of the home is left on the machine; the kernel takes namespaces and cgroups apart a moment later. */
export async function assertNothingRemains(home: string): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const remains = await remainsOf(home);
    if (remains.length === 0) return;
    if (performance.now() > deadline) throw new Error(`the platform left on the machine:\n${remains.join("\n")}`);
    await delay(RETRY_MS);
  }
}

function cgroupsOf(name: string): string[] {
  const root = "/sys/fs/cgroup";
  const places = [root, ...readdirSync(root).map((child) => join(root, child))];
  return places
    .map((place) => join(place, name))
    .filter((path) => existsSync(path))
    .map((path) => `cgroup ${path}`);
}

function mountsUnder(...folders: string[]): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => folders.some((folder) => line.includes(` ${folder}/`))).map((line) => `mount ${line}`);
}

/** By environment, which all processes of a platform have, and by command line (nats-server, the supervisor). */
function processesOf(home: string): string[] {
  // Not the processes that run this test: they may name a file in the checkout's own `.slipway`.
  const ours = new Set(ancestors());
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && !ours.has(pid));
  return pids.flatMap((pid) => {
    const command = readOrEmpty(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    const isOf =
      readOrEmpty(`/proc/${pid}/environ`).split("\0").includes(`SLIPWAY_HOME=${home}`) || command.includes(`${home}/`);
    return isOf || command.includes(`--home ${home} `) ? [`process ${pid} ${command}`] : [];
  });
}

/** This process and its parents, proc_pid_stat(5). */
function ancestors(): number[] {
  const pids = [process.pid];
  for (;;) {
    const stat = readOrEmpty(`/proc/${pids.at(-1)}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (!(parent > 0)) return pids;
    pids.push(parent);
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
