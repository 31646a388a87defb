import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The controllers that every container's limits are set with. */
const WANTED = ["cpu", "memory", "pids"] as const;
/** Those that a container is in when something asks for them. */
const ASKED_FOR = ["cpuset", "io"] as const;
/** Limits' controllers, by v2's names. */
export type Controller = (typeof WANTED)[number] | (typeof ASKED_FOR)[number];

/** What v1 has hierarchies for: the controllers, and what v2 does without one. */
export type V1Hierarchy = Controller | "cpuacct" | "devices" | "freezer";
const V1_OPTIONS: Record<V1Hierarchy, string> = {
  cpu: "cpu",
  memory: "memory",
  pids: "pids",
  cpuacct: "cpuacct",
  cpuset: "cpuset",
  io: "blkio",
  devices: "devices",
  freezer: "freezer",
};

/** What cgroup hierarchies there are, cgroups(7). */
export interface CgroupHierarchies {
  /** `v2`: the unified tree has the controllers. `v1`: they are mounted apart; `unified` may still be there without them. */
  version: "v1" | "v2";
  /** v1: the mount of each hierarchy that is there. */
  v1: Partial<Record<V1Hierarchy, string>>;
  /** The cgroup2 mount, for cgroup.kill and cgroup.freeze on a hybrid machine. */
  unified: string | null;
  /** v2: the controllers that can be passed on to a container. */
  offered: Controller[];
  /** Wanted controllers that no hierarchy has. */
  missing: Controller[];
  /** Below what, in every hierarchy, our groups are made: "" is the root, else `/system.slice/some.service`. */
  parent: string;
}

interface MountLine {
  type: string;
  target: string;
  options: string[];
}

/** Reads the mount table and what v2 offers to those below `parent`. */
export function findCgroupHierarchies(
  parent = "",
  mountInfo = readFileSync("/proc/self/mountinfo", "utf8"),
): CgroupHierarchies {
  const mounts = parseMounts(mountInfo);
  const unified = mounts.find(({ type }) => type === "cgroup2")?.target ?? null;
  const known: string[] = unified === null ? [] : readWords(join(unified, parent, "cgroup.controllers"));
  const offered = [...WANTED, ...ASKED_FOR].filter((controller) => known.includes(controller));
  if (WANTED.every((controller) => known.includes(controller))) {
    return { version: "v2", v1: {}, unified, offered, missing: [], parent };
  }
  const v1: CgroupHierarchies["v1"] = {};
  for (const [name, option] of Object.entries(V1_OPTIONS) as [V1Hierarchy, string][]) {
    const mount = mounts.find(({ type, options }) => type === "cgroup" && options.includes(option));
    if (mount !== undefined) v1[name] = mount.target;
  }
  const missing = WANTED.filter((controller) => v1[controller] === undefined);
  return { version: "v1", v1, unified, offered: [], missing, parent };
}

/** proc_pid_mountinfo(5): fields after ` - ` are type, source and super options. */
function parseMounts(mountInfo: string): MountLine[] {
  return mountInfo
    .split("\n")
    .filter((line) => line.includes(" - cgroup"))
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [type = "", , options = ""] = after.split(" ");
      return { type, target: before.split(" ")[4] ?? "", options: options.split(",") };
    });
}

function readWords(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trim().split(/\s+/);
  } catch {
    return [];
  }
}
