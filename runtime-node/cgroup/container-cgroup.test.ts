import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ContainerCgroup, removeCgroupParents } from "./container-cgroup.ts";
import { findCgroupHierarchies } from "./hierarchy.ts";

const isRoot = process.getuid?.() === 0;
const MIB = 1024 * 1024;

describe.skipIf(!isRoot)("a container's cgroup (skipped without root)", () => {
  const hierarchies = findCgroupHierarchies();
  const { version } = hierarchies;
  let hash: string;
  let cgroup: ContainerCgroup;

  beforeEach(() => {
    hash = randomBytes(4).toString("hex");
    cgroup = new ContainerCgroup(hierarchies, hash, "c1");
  });
  afterEach(async () => {
    await cgroup.remove();
    removeCgroupParents(hierarchies, hash);
  });

  const directories = (): string[] => {
    const { join: joined, into } = cgroup.membership;
    return [...joined, ...(into === null ? [] : [into])];
  };
  const read = (controller: "cpu" | "memory" | "pids", v1: string, v2: string): string => {
    const root = version === "v2" ? (hierarchies.unified ?? "") : (hierarchies.v1[controller] ?? "");
    return readFileSync(join(root, `slipway-${hash}`, "c1", version === "v2" ? v2 : v1), "utf8").trim();
  };

  it("has the limits that it was made with", () => {
    cgroup.create({ memoryBytes: 64 * MIB, cpus: 0.5, pids: 10 });
    expect(read("memory", "memory.limit_in_bytes", "memory.max")).toBe(String(64 * MIB));
    expect(read("cpu", "cpu.cfs_quota_us", "cpu.max").split(" ")[0]).toBe("50000");
    expect(read("pids", "pids.max", "pids.max")).toBe("10");
  });

  it("is in every hierarchy on v1, and a directory to be born in where there is a v2 tree", () => {
    cgroup.create({});
    expect(directories().length).toBeGreaterThan(0);
    expect(directories().every((path) => existsSync(join(path, "cgroup.procs")))).toBe(true);
    expect(cgroup.membership.into === null).toBe(hierarchies.unified === null);
    expect(cgroup.membership.join.length > 0).toBe(version === "v1");
    expect(cgroup.membership.v1Hierarchies.length > 0).toBe(version === "v1");
  });

  it("can be made again, as by the agent after a crash", () => {
    cgroup.create({ pids: 5 });
    new ContainerCgroup(hierarchies, hash, "c1").create({ pids: 6 });
    expect(read("pids", "pids.max", "pids.max")).toBe("6");
  });

  it("is gone when it is removed, and removing it again does nothing", async () => {
    cgroup.create({});
    await cgroup.remove();
    await cgroup.remove();
    expect(directories().some((path) => existsSync(path))).toBe(false);
  });

  it("is nowhere when the kernel refuses a limit, which is named", () => {
    const refused = (() => {
      try {
        cgroup.create({ pids: 2 ** 50 });
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    expect(refused).toMatchObject({ code: "SLIPWAY_CGROUP_LIMIT_REFUSED", message: expect.stringContaining("pids.max") });
    expect(directories().some((path) => existsSync(path))).toBe(false);
  });

  it("has killed nobody at first", () => {
    cgroup.create({});
    expect(cgroup.oomKills()).toBe(0);
  });

  it("ends what somebody left in it before it is removed, where there is a v2 tree", async ({ skip }) => {
    if (hierarchies.unified === null) skip("cgroup.kill is v2's");
    cgroup.create({});
    const process = spawn("sleep", ["60"], { stdio: "ignore" });
    for (const path of directories()) writeFileSync(join(path, "cgroup.procs"), String(process.pid));
    const ended = once(process, "exit");
    await cgroup.remove();
    expect(await ended).toEqual([null, "SIGKILL"]);
  });

  it("names the controller that a limit needs and the machine lacks", () => {
    const without = findCgroupHierarchies("", "");
    expect(() => new ContainerCgroup(without, hash, "c1").create({ memoryBytes: MIB })).toThrow(
      "no cgroup has the memory controller",
    );
  });
});
