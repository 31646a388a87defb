import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { startTimeOf } from "#kernel/pidfd.ts";
import { PROCESS_MARK } from "../supervisor/leftovers.ts";

export interface FoundProcess {
  pid: number;
  /** With the pid it names one process for ever, proc_pid_stat(5). */
  startTime: number;
  hash: string;
  /** `server` is the supervisor; `agent`, `nats-server`, … are what it started; a container's are in a cgroup of their own. */
  role: string;
  /** What its command line, its environment or its output says; null where they say nothing. */
  home: string | null;
  /** The container's, which its cgroup is named for. */
  instanceId: string | null;
  command: string;
}

/** The modules that a supervisor is started with, in a checkout and in the package (contracts/process-entry.ts). */
const SUPERVISOR = /\/(runtime-node\/supervisor\/main|dist\/supervisor)\.mjs$/;
const CGROUP = /\/slipway-([0-9a-f]{8})\/([^/\n]+)$/m;
const MARK = new RegExp(`^${PROCESS_MARK}=([0-9a-f]{8})/(.+)$`);
const STREAM = /^(\/.+)\/instances\/[^/]+\/stdout\.fifo(?: \(deleted\))?$/;
const LONGEST_COMMAND = 120;

/** Every process of any platform of ours. */
export function findProcesses(): FoundProcess[] {
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
  return pids.map(readProcess).filter((found) => found !== undefined);
}

function readProcess(pid: number): FoundProcess | undefined {
  const startTime = startTimeOf(pid);
  const status = read(`/proc/${pid}/status`);
  // A zombie is dead: its parent owes it a wait.
  if (startTime === undefined || /^State:\t[ZX]/m.test(status)) return undefined;
  const args = read(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
  const command = args.join(" ").slice(0, LONGEST_COMMAND);
  const known = contained(pid) ?? (isOurUsers(pid, status) ? (supervisor(pid, args) ?? marked(pid)) : undefined);
  return known === undefined ? undefined : { pid, startTime, command, ...known };
}

type Known = Pick<FoundProcess, "hash" | "role" | "home" | "instanceId">;

function contained(pid: number): Known | undefined {
  const [, hash, instanceId] = CGROUP.exec(read(`/proc/${pid}/cgroup`)) ?? [];
  if (hash === undefined || instanceId === undefined) return undefined;
  // Its output goes to a FIFO in its instance's folder, if it has not sent it elsewhere.
  const [, home] = STREAM.exec(readLink(`/proc/${pid}/fd/1`) ?? "") ?? [];
  const isItsOwn = home !== undefined && homeLayout(home).hash === hash;
  return { hash, role: "container", home: isItsOwn ? home : null, instanceId };
}

function supervisor(pid: number, args: readonly string[]): Known | undefined {
  const named = args[args.indexOf("--home") + 1];
  if (!args.some((arg) => SUPERVISOR.test(arg)) || named === undefined) return undefined;
  const home = resolve(readLink(`/proc/${pid}/cwd`) ?? "/", named);
  return { hash: homeLayout(home).hash, role: "server", home, instanceId: null };
}

/** Marked by the supervisor that started it. */
function marked(pid: number): Known | undefined {
  const variables = read(`/proc/${pid}/environ`).split("\0");
  const [, hash, role] = variables.map((one) => MARK.exec(one)).find((found) => found !== null) ?? [];
  if (hash === undefined || role === undefined) return undefined;
  const home = variables.find((one) => one.startsWith("SLIPWAY_HOME="))?.slice("SLIPWAY_HOME=".length);
  const isItsOwn = home !== undefined && homeLayout(home).hash === hash;
  return { hash, role, home: isItsOwn ? home : null, instanceId: null };
}

/** Anybody may write what he likes into his command line and environment: only root's processes count, and none of a container's. */
function isOurUsers(pid: number, status: string): boolean {
  return /^Uid:\t0\t0\t/m.test(status) && readLink(`/proc/${pid}/ns/pid`) === readLink("/proc/self/ns/pid");
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
