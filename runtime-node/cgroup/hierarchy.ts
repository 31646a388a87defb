import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The controllers that limits are set with. */
const WANTED = ["cpu", "memory", "pids"] as const;
export type Controller = (typeof WANTED)[number];

/** What cgroup hierarchies there are, cgroups(7). */
export interface CgroupHierarchies {
  /** `v2`: the unified tree has the controllers. `v1`: they are mounted apart; `unified` may still be there without them. */
  version: "v1" | "v2";
  /** v1: the mount of each controller that is there. */
  v1: Partial<Record<Controller | "cpuacct", string>>;
  /** The cgroup2 mount, for cgroup.kill and cgroup.freeze on a hybrid machine. */
  unified: string | null;
  /** Wanted controllers that no hierarchy has. */
  missing: Controller[];
}

interface MountLine {
  type: string;
  target: string;
  options: string[];
}

/** Reads the mount table and what the v2 root offers. */
export function findCgroupHierarchies(mountInfo = readFileSync("/proc/self/mountinfo", "utf8")): CgroupHierarchies {
  const mounts = parseMounts(mountInfo);
  const unified = mounts.find(({ type }) => type === "cgroup2")?.target ?? null;
  const offered = unified === null ? [] : readWords(join(unified, "cgroup.controllers"));
  if (WANTED.every((controller) => offered.includes(controller))) {
    return { version: "v2", v1: {}, unified, missing: [] };
  }
  const v1: CgroupHierarchies["v1"] = {};
  for (const controller of [...WANTED, "cpuacct"] as const) {
    const mount = mounts.find(({ type, options }) => type === "cgroup" && options.includes(controller));
    if (mount !== undefined) v1[controller] = mount.target;
  }
  return { version: "v1", v1, unified, missing: WANTED.filter((controller) => v1[controller] === undefined) };
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
