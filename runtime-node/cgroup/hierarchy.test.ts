import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findCgroupHierarchies } from "./hierarchy.ts";

const ROOT = "24 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro";
const v1 = (id: number, options: string, target = `/sys/fs/cgroup/${options}`): string =>
  `${id} 23 0:${id} / ${target} rw,nosuid,nodev shared:${id} - cgroup cgroup rw,${options}`;
const v2 = (target: string): string => `30 23 0:26 / ${target} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate`;

describe("the cgroup hierarchies of a machine", () => {
  let unified: string;
  beforeEach(() => {
    unified = mkdtempSync(join(tmpdir(), "slipway-cgroup-"));
  });
  afterEach(() => rmSync(unified, { recursive: true }));
  const offer = (controllers: string): void => writeFileSync(join(unified, "cgroup.controllers"), `${controllers}\n`);

  it("are one tree on pure v2", () => {
    offer("cpuset cpu io memory hugetlb pids rdma misc");
    expect(findCgroupHierarchies("", [ROOT, v2(unified)].join("\n"))).toEqual({
      version: "v2",
      v1: {},
      unified,
      offered: ["cpu", "memory", "pids", "cpuset", "io"],
      missing: [],
      parent: "",
    });
  });

  it("are a mount for each controller on v1, some of them together", () => {
    const lines = [ROOT, v1(31, "cpu,cpuacct"), v1(32, "memory"), v1(33, "pids"), v1(34, "xattr,name=systemd")];
    expect(findCgroupHierarchies("", lines.join("\n"))).toEqual({
      version: "v1",
      v1: {
        cpu: "/sys/fs/cgroup/cpu,cpuacct",
        cpuacct: "/sys/fs/cgroup/cpu,cpuacct",
        memory: "/sys/fs/cgroup/memory",
        pids: "/sys/fs/cgroup/pids",
      },
      unified: null,
      offered: [],
      missing: [],
      parent: "",
    });
  });

  it("are both on a hybrid machine: v1 has the controllers, and the unified tree has none", () => {
    offer("");
    const lines = [ROOT, v1(31, "cpu"), v1(32, "memory"), v1(33, "pids"), v2(unified)];
    expect(findCgroupHierarchies("", lines.join("\n"))).toMatchObject({ version: "v1", unified, missing: [] });
  });

  it("are asked what they offer where our groups are made: below a unit, only what it was given", () => {
    offer("cpuset cpu io memory pids");
    mkdirSync(join(unified, "system.slice/slipway.service"), { recursive: true });
    writeFileSync(join(unified, "system.slice/slipway.service/cgroup.controllers"), "cpu memory pids\n");
    const found = findCgroupHierarchies("/system.slice/slipway.service", [ROOT, v2(unified)].join("\n"));
    expect(found).toMatchObject({ offered: ["cpu", "memory", "pids"], parent: "/system.slice/slipway.service" });
  });

  it("have v1's names for what v2 calls otherwise, and what only v1 has a hierarchy for", () => {
    const lines = ["cpu", "memory", "pids", "blkio", "devices", "freezer", "cpuset"].map((name, at) => v1(31 + at, name));
    expect(findCgroupHierarchies("", [ROOT, ...lines].join("\n")).v1).toMatchObject({
      io: "/sys/fs/cgroup/blkio",
      devices: "/sys/fs/cgroup/devices",
      freezer: "/sys/fs/cgroup/freezer",
      cpuset: "/sys/fs/cgroup/cpuset",
    });
  });

  it("are v1 where the unified tree offers some controllers only", () => {
    offer("pids");
    const lines = [ROOT, v1(31, "cpu"), v1(32, "memory"), v2(unified)];
    expect(findCgroupHierarchies("", lines.join("\n"))).toMatchObject({ version: "v1", missing: ["pids"] });
  });

  it("name every controller that is missing, which a kernel booted with cgroup_disable=memory lacks", () => {
    const found = findCgroupHierarchies("", [ROOT, v1(31, "cpu"), v1(33, "pids")].join("\n"));
    expect(found).toMatchObject({ version: "v1", missing: ["memory"], unified: null });
    expect(findCgroupHierarchies("", ROOT).missing).toEqual(["cpu", "memory", "pids"]);
  });

  it("are found by the option, whatever the mount is called", () => {
    const found = findCgroupHierarchies(
      "",
      [v1(31, "cpu", "/cgroups/processor"), v1(32, "memory"), v1(33, "pids")].join("\n"),
    );
    expect(found.v1.cpu).toBe("/cgroups/processor");
  });

  it("are there on this machine", () => {
    const found = findCgroupHierarchies();
    expect(found.missing).toEqual([]);
  });
});
