import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { ContainerCgroup, removeCgroupParents } from "./container-cgroup.ts";
import { deviceRules, formatV1Rule, STANDARD_DEVICES } from "./device-rules.ts";
import { findCgroupHierarchies } from "./hierarchy.ts";
import { standardDevicesGroup } from "./standard-devices.ts";

const hierarchies = findCgroupHierarchies();
const { devices } = hierarchies.v1;
const kernel = new LinuxKernel();
const STANDARD = STANDARD_DEVICES.map(formatV1Rule).toSorted();
const DISK = { source: "/dev/loop-control", target: "/dev/loop-control", access: "rw" } as const;

describe.skipIf(process.getuid?.() !== 0 || devices === undefined)(
  "devices on cgroup v1 (skipped without root, and on v2)",
  () => {
    let hash: string;
    let made: ContainerCgroup[];
    beforeEach(() => {
      hash = randomBytes(4).toString("hex");
      made = [];
    });
    afterEach(async () => {
      for (const cgroup of made) await cgroup.remove();
      removeCgroupParents(hierarchies, hash);
      expect(existsSync(join(devices ?? "", `slipway-${hash}`))).toBe(false);
    });

    const shared = (): string => standardDevicesGroup(devices ?? "", `/slipway-${hash}`);
    const rulesOf = (group: string): string[] =>
      readFileSync(join(group, "devices.list"), "utf8").trim().split("\n").toSorted();
    function container(name: string, extra: Parameters<typeof deviceRules>[0] = []): string {
      const cgroup = new ContainerCgroup(hierarchies, hash, name);
      made.push(cgroup);
      cgroup.create({});
      cgroup.restrictDevices(kernel, deviceRules(extra));
      return cgroup.membership.join.find((group) => group.startsWith(devices ?? "?")) ?? "";
    }

    it("containers without any of their own share a group that has the standard ones alone", () => {
      expect([container("c1"), container("c2")]).toEqual([shared(), shared()]);
      expect(rulesOf(shared())).toEqual(STANDARD);
    });

    it("a container with its own has a group of its own, beside the shared one and not below it", () => {
      container("c1");
      const own = container("c2", [DISK]);
      expect(own).toBe(join(devices ?? "", `slipway-${hash}`, "c2"));
      expect(rulesOf(own)).toEqual([...STANDARD, "c 10:237 rw"].toSorted());
    });

    it("a container that had its own and has none any more is in the shared group", () => {
      container("c1", [DISK]);
      expect(container("c1")).toBe(shared());
    });

    it("what a killed agent began, or another version left, is made whole", () => {
      mkdirSync(shared(), { recursive: true });
      container("c1");
      writeFileSync(join(shared(), "devices.deny"), "c 1:3 rwm");
      writeFileSync(join(shared(), "devices.allow"), "c 10:237 rw");
      container("c2");
      expect(rulesOf(shared())).toEqual(STANDARD);
      rmdirSync(shared());
      container("c3");
      expect(rulesOf(shared())).toEqual(STANDARD);
    });

    it("a hierarchy that is devices' and another's has a group for each container", () => {
      const both = { ...hierarchies, v1: { ...hierarchies.v1, freezer: devices ?? "" } };
      const cgroup = new ContainerCgroup(both, hash, "c1");
      made.push(cgroup);
      cgroup.create({});
      cgroup.restrictDevices(kernel, deviceRules([]));
      const own = join(devices ?? "", `slipway-${hash}`, "c1");
      expect(cgroup.membership.join).toContain(own);
      expect(rulesOf(own)).toEqual(STANDARD);
    });
  },
);
