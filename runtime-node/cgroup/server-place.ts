import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "#kernel/kernel.ts";
import { cgroupError } from "./errors.ts";
import { findCgroupHierarchies } from "./hierarchy.ts";

/** systemd marks what it delegates (Delegate=yes), from 236 on with the first, from 251 on with both. */
const DELEGATION_MARKS = ["trusted.delegate", "user.delegate"];
/** Where the platform's own processes are, so that the group above them may pass controllers on (cgroups(7), no internal processes). */
const LEAF = "platform";

/**
 * Finds below which group the containers' groups are to be made, for every process of a server to be told: what was asked for,
 * else what systemd delegated to the unit this process runs in, else the root (""). In a delegated group of its own this process
 * moves to a leaf; processes started afterwards are born there.
 */
export function settleServer(kernel: Kernel, asked: string | undefined): string {
  const { version, unified } = findCgroupHierarchies();
  if (asked !== undefined) return checkedParent(version === "v2" ? unified : null, asked);
  if (version !== "v2" || unified === null) return "";
  const own = ownGroup();
  const delegated = nearestDelegated(kernel, unified, own);
  if (delegated === undefined) return "";
  if (delegated === own) moveToLeaf(join(unified, own));
  return delegated;
}

function checkedParent(unified: string | null, asked: string): string {
  const parent = asked === "/" ? "" : asked.replace(/\/$/, "");
  if (parent !== "" && !/^(\/[^/]+)+$/.test(parent))
    throw cgroupError("SLIPWAY_CGROUP_NO_PARENT", `${asked} is no cgroup's path`);
  if (unified === null) return parent;
  try {
    readFileSync(join(unified, parent, "cgroup.controllers"));
    return parent;
  } catch (cause) {
    throw cgroupError("SLIPWAY_CGROUP_NO_PARENT", `the cgroup ${asked} is not there`, { cause });
  }
}

/** proc_pid_cgroup(5): the line of v2 is `0::/path`. */
function ownGroup(): string {
  const path = /^0::(\/.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
  return path === "/" ? "" : path;
}

function nearestDelegated(kernel: Kernel, unified: string, own: string): string | undefined {
  for (let group = own; group !== ""; group = group.slice(0, group.lastIndexOf("/"))) {
    if (isDelegated(kernel, join(unified, group))) return group;
  }
  return undefined;
}

function isDelegated(kernel: Kernel, directory: string): boolean {
  const value = Buffer.alloc(8);
  return DELEGATION_MARKS.some((mark) => {
    const length = kernel.attempt("getxattr", directory, mark, value, value.byteLength);
    return length > 0 && value.toString("latin1", 0, length) === "1";
  });
}

/** All that systemd started in the unit so far: this process, and what may have come before it. */
function moveToLeaf(group: string): void {
  const leaf = join(group, LEAF);
  mkdirSync(leaf, { recursive: true });
  for (const pid of readFileSync(join(group, "cgroup.procs"), "utf8").trim().split("\n")) {
    if (pid !== "") writeFileSync(join(leaf, "cgroup.procs"), pid);
  }
}
