import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import type { TableName } from "#kernel/nftables/transaction.ts";
import { isHome } from "./judge-platform.ts";
import { findProcesses, type FoundProcess } from "./find-processes.ts";

const RUN_FOLDERS = "/run/slipway";
/** Written by the supervisor into its run folder: the path whose hash the folder has. */
const HOME_FILE = "home";
const CGROUP_ROOT = "/sys/fs/cgroup";
/** A delegated cgroup (a unit's, a user's) lies this deep at most. */
const DEEPEST_CGROUP = 6;
const LINK = /^sw([0-9a-f]{8})(p|b\d{1,3}|v[0-9a-f]{4})$/;
const TABLE = /^slipway_([0-9a-f]{8})$/;
const DOCKER_USER_RULE = /^slipway ([0-9a-f]{8})$/;
const CGROUP = /^slipway-([0-9a-f]{8})$/;
const RUN_FOLDER = /^[0-9a-f]{8}$/;

/** What one platform has on the machine, known by its hash. */
export interface Traces {
  hash: string;
  /** Null when nothing that was found says where it is. */
  home: string | null;
  processes: FoundProcess[];
  links: string[];
  tables: TableName[];
  /** Whether there are rules of it in a chain of Docker's. */
  inDockerUser: boolean;
  /** One in each hierarchy that it uses. */
  cgroups: string[];
  /** Mounts in our own mount namespace under its run folder, deepest first; a run of ours makes none there. */
  mounts: string[];
  runFolder: string | null;
}

/** Everything on this machine that bears the hash of a platform. `homes`: where a platform may have been. */
export function findTraces(kernel: Kernel, homes: readonly string[]): Traces[] {
  const processes = findProcesses();
  const runFolders = names(RUN_FOLDERS).filter((name) => RUN_FOLDER.test(name));
  const told = runFolders.map((name) => readText(join(RUN_FOLDERS, name, HOME_FILE)).trim());
  // The last one counts: what root wrote tells more than what a container's process has open.
  const known = [...processes.map(({ home }) => home ?? ""), ...homes.map((home) => resolve(home)), ...told];
  const homeOf = new Map(known.filter((home) => home !== "").map((home) => [homeLayout(home).hash, home]));
  const platforms = new Map<string, Traces>();
  const at = (hash: string): Traces => {
    const home = homeOf.get(hash) ?? null;
    const empty: Traces = {
      hash,
      home,
      processes: [],
      links: [],
      tables: [],
      inDockerUser: false,
      cgroups: [],
      mounts: [],
      runFolder: null,
    };
    const found = platforms.get(hash) ?? empty;
    platforms.set(hash, found);
    return found;
  };
  for (const one of processes) at(one.hash).processes.push(one);
  for (const name of listLinks(kernel)) at(LINK.exec(name)![1]!).links.push(name);
  for (const table of listTables(kernel)) at(TABLE.exec(table.name)![1]!).tables.push(table);
  for (const hash of listDockerUserRules(kernel)) at(hash).inDockerUser = true;
  for (const path of listCgroups(CGROUP_ROOT, 0))
    at(CGROUP.exec(path.slice(path.lastIndexOf("/") + 1))![1]!).cgroups.push(path);
  for (const hash of runFolders) at(hash).runFolder = join(RUN_FOLDERS, hash);
  for (const path of listMounts()) at(path.slice(RUN_FOLDERS.length + 1, RUN_FOLDERS.length + 9)).mounts.push(path);
  // A home that left nothing but files in itself.
  for (const home of homes) if (isHome(resolve(home))) at(homeLayout(resolve(home)).hash);
  return [...platforms.values()].toSorted((a, b) => (a.hash < b.hash ? -1 : 1));
}

function listLinks(kernel: Kernel): string[] {
  using routes = RouteSocket.open(kernel);
  return routes
    .listLinks()
    .map(({ name }) => name)
    .filter((name) => LINK.test(name));
}

function listTables(kernel: Kernel): TableName[] {
  using nftables = NftablesSocket.open(kernel);
  return nftables.listTables().filter(({ name }) => TABLE.test(name));
}

/** The hashes in the comments of our rules (network/docker-user.ts). */
function listDockerUserRules(kernel: Kernel): string[] {
  using nftables = NftablesSocket.open(kernel);
  const chains = nftables.listChains().filter(({ table, name }) => table.family === "ip" && name === "DOCKER-USER");
  const rules = chains.flatMap(({ table, name }) => nftables.listRules(table, name));
  return rules.map(({ comment }) => DOCKER_USER_RULE.exec(comment ?? "")?.[1]).filter((hash) => hash !== undefined);
}

function listCgroups(folder: string, depth: number): string[] {
  if (depth > DEEPEST_CGROUP) return [];
  return folders(folder).flatMap((name) => {
    const path = join(folder, name);
    return CGROUP.test(name) ? [path] : listCgroups(path, depth + 1);
  });
}

/** proc_pid_mountinfo(5): the fifth field is the mount point, spaces in it as \040. */
function listMounts(): string[] {
  const points = readText("/proc/self/mountinfo")
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replaceAll("\\040", " "));
  return points.filter((point) => /^\/run\/slipway\/[0-9a-f]{8}\//.test(point)).toReversed();
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function folders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
