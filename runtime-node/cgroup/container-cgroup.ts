import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ResourceLimits } from "#contracts/service-spec.ts";
import { attachDeviceFilter } from "#kernel/bpf/attach-device-filter.ts";
import type { DeviceRule } from "#kernel/bpf/device-program.ts";
import type { Kernel } from "#kernel/kernel.ts";
import type { CgroupMembership } from "../launch/container-launch.ts";
import { inheritCpuset } from "./cpuset.ts";
import { formatV1Rule } from "./device-rules.ts";
import { cgroupError } from "./errors.ts";
import { freezerOf } from "./freezer.ts";
import type { CgroupHierarchies, Controller, V1Hierarchy } from "./hierarchy.ts";
import { type LimitWrite, limitWrites } from "./limits.ts";
import { areStandard, makeStandardDevicesGroup, standardDevicesGroup } from "./standard-devices.ts";

/** The last process of a group has been reaped when we remove it; the kernel lets go of it within a few scheduler ticks. */
const REMOVE_DEADLINE_MS = 2_000;
/** v1: a group is made in these when something asks for it. */
const ON_DEMAND: readonly V1Hierarchy[] = ["cpuset", "io", "devices", "freezer"];

/**
 * One container's group in every hierarchy: `<mount><parent>/slipway-<hash>/<instance>`. It is known by its name alone, so a later
 * process opens it with the same call.
 */
export class ContainerCgroup {
  readonly #hierarchies: CgroupHierarchies;
  readonly #shared: string;
  readonly #name: string;

  constructor(hierarchies: CgroupHierarchies, hash: string, name: string) {
    this.#hierarchies = hierarchies;
    this.#shared = sharedGroup(hierarchies, hash);
    this.#name = name;
  }

  /** Makes the groups and writes the limits; nothing is left when a limit is refused. */
  create(limits: ResourceLimits): void {
    const { version, unified } = this.#hierarchies;
    const writes = limitWrites(limits)[version];
    if (version === "v2" && unified !== null) enableControllers(this.#hierarchies, this.#shared);
    for (const directory of this.#neededDirectories(writes)) mkdirSync(directory, { recursive: true });
    try {
      for (const write of writes) this.#write(write);
    } catch (error) {
      this.#removeNow();
      throw error;
    }
  }

  /** From now on its processes use these devices and no others. */
  restrictDevices(kernel: Kernel, rules: readonly DeviceRule[]): void {
    const { v1, unified } = this.#hierarchies;
    try {
      if (v1.devices === undefined) {
        if (unified !== null) attachDeviceFilter(kernel, this.#in(unified), rules);
        return;
      }
      const group = this.#in(v1.devices);
      if (areStandard(rules) && this.#sharesDevices(v1.devices) && tryRemove(group))
        return makeStandardDevicesGroup(standardDevicesGroup(v1.devices, this.#shared));
      mkdirSync(group, { recursive: true });
      writeFileSync(join(group, "devices.deny"), "a");
      for (const rule of rules) writeFileSync(join(group, "devices.allow"), formatV1Rule(rule));
    } catch (cause) {
      const message = `the kernel does not take the device filter of ${this.#name}: ${(cause as Error).message}`;
      throw cgroupError("SLIPWAY_CGROUP_DEVICE_FILTER", message, { cause });
    }
  }

  get membership(): CgroupMembership {
    const { version, v1, unified } = this.#hierarchies;
    if (version === "v2") return { join: [], into: this.#in(unified ?? ""), v1Hierarchies: [] };
    const groups = new Map([...new Set(Object.values(v1))].map((mount) => [mount, this.#groupIn(mount)]));
    const joined = [...groups].filter(([, group]) => existsSync(group));
    const names = joined.map(([mount]) => mount.slice(mount.lastIndexOf("/") + 1));
    const into = unified === null ? null : this.#in(unified);
    return { join: joined.map(([, group]) => group), into, v1Hierarchies: names };
  }

  /** How often the kernel killed in here for want of memory. */
  oomKills(): number {
    const { version } = this.#hierarchies;
    const directory = this.#controllerDirectory("memory");
    if (directory === undefined) return 0;
    const text = readOrEmpty(join(directory, version === "v2" ? "memory.events" : "memory.oom_control"));
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** How many processes and threads it was refused for its limit of them. */
  refusedPids(): number {
    const directory = this.#controllerDirectory("pids");
    const text = directory === undefined ? "" : readOrEmpty(join(directory, "pids.events"));
    return Number(/^max (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Stops every process in here where it stands; resolves when all do. @throws SLIPWAY_CGROUP_NOT_FROZEN, the group thawed again */
  freeze(signal: AbortSignal): Promise<void> {
    return freezerOf(this.#hierarchies, (root) => this.#in(root)).freeze(signal);
  }

  /** Lets them go on. */
  thaw(): void {
    freezerOf(this.#hierarchies, (root) => this.#in(root)).thaw();
  }

  get isFrozen(): boolean {
    return freezerOf(this.#hierarchies, (root) => this.#in(root)).isFrozen();
  }

  /** Kills whatever is in the group: by cgroup.kill of v2 (Linux 5.14), else one by one. */
  kill(): void {
    const { unified } = this.#hierarchies;
    if (unified !== null && tryWrite(join(this.#in(unified), "cgroup.kill"), "1")) return;
    const pids = new Set(this.#directories().flatMap((directory) => readPids(join(directory, "cgroup.procs"))));
    for (const pid of pids) tryKill(pid);
  }

  /** Removes the groups, ending what is left in them; absent ones are fine. */
  async remove(): Promise<void> {
    const deadline = performance.now() + REMOVE_DEADLINE_MS;
    for (const directory of this.#directories()) {
      // cgroups(7) has no way to be told that a v1 group is empty without a release agent, so we ask again.
      while (existsSync(directory) && !tryRemove(directory)) {
        if (performance.now() > deadline)
          throw cgroupError("SLIPWAY_CGROUP_BUSY", `${directory} cannot be removed: it still has processes`);
        this.kill();
        await nextTurn();
      }
    }
  }

  #in(root: string): string {
    return join(root, this.#shared, this.#name);
  }

  /** v1: its own, or the one that it shares with others for want of devices of its own. */
  #groupIn(mount: string): string {
    const own = this.#in(mount);
    if (mount !== this.#hierarchies.v1.devices || !this.#sharesDevices(mount) || existsSync(own)) return own;
    return standardDevicesGroup(mount, this.#shared);
  }

  /** A hierarchy of devices and something else has a group for each container. */
  #sharesDevices(mount: string): boolean {
    return Object.values(this.#hierarchies.v1).filter((other) => other === mount).length === 1;
  }

  #directories(): string[] {
    const { version, v1, unified } = this.#hierarchies;
    const roots = version === "v2" ? [unified] : [...new Set(Object.values(v1)), unified];
    return roots.filter((root) => root !== null).map((root) => this.#in(root));
  }

  #neededDirectories(writes: readonly LimitWrite[]): string[] {
    const { version, v1, unified } = this.#hierarchies;
    if (version === "v2") return this.#directories();
    const asked = new Set<V1Hierarchy>(writes.map(({ controller }) => controller));
    if (unified === null) asked.add("freezer");
    if (asked.has("cpuset") && v1.cpuset !== undefined) inheritCpuset(v1.cpuset, join(this.#shared, this.#name));
    const names = (Object.keys(v1) as V1Hierarchy[]).filter((name) => !ON_DEMAND.includes(name) || asked.has(name));
    const roots = new Set([...names.map((name) => v1[name]!), ...(unified === null ? [] : [unified])]);
    return [...roots].map((root) => this.#in(root));
  }

  #controllerDirectory(controller: Controller): string | undefined {
    const { version, v1, unified, offered } = this.#hierarchies;
    const root = version === "v1" ? v1[controller] : offered.includes(controller) ? unified : undefined;
    return root === undefined || root === null ? undefined : this.#in(root);
  }

  #write({ controller, file, value, optional, otherwise }: LimitWrite): void {
    const directory = this.#controllerDirectory(controller);
    if (directory === undefined) {
      const message = `a ${controller} limit is asked for, and no cgroup has the ${controller} controller`;
      throw cgroupError("SLIPWAY_CGROUP_CONTROLLER_MISSING", message);
    }
    const path = join(directory, file);
    if (!existsSync(path)) {
      if (otherwise !== undefined) return this.#write({ controller, ...otherwise });
      if (optional === true) return;
      const message = `the kernel's cgroup ${this.#hierarchies.version} has no ${file}, which ${value} was to be written to`;
      throw cgroupError("SLIPWAY_CGROUP_LIMIT_UNSUPPORTED", message);
    }
    try {
      writeFileSync(path, value);
    } catch (cause) {
      if (optional === true) return;
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw cgroupError("SLIPWAY_CGROUP_LIMIT_REFUSED", `the kernel refuses ${file} = ${value} with ${code}`, { cause });
    }
  }

  #removeNow(): void {
    for (const directory of this.#directories()) tryRemove(directory);
  }
}

/** Removes what all containers of a home share, when none is left. */
export function removeCgroupParents(hierarchies: CgroupHierarchies, hash: string): void {
  const roots = new Set([...Object.values(hierarchies.v1), hierarchies.unified]);
  const shared = sharedGroup(hierarchies, hash);
  const { devices } = hierarchies.v1;
  if (devices !== undefined) tryRemove(standardDevicesGroup(devices, shared));
  for (const root of roots) if (root !== null) tryRemove(join(root, shared));
}

const sharedGroup = ({ parent }: CgroupHierarchies, hash: string): string => join(parent, `slipway-${hash}`);

/** Down to the containers' groups, cgroup v2 gives a child only the controllers its parent passes on. */
function enableControllers({ unified, offered, parent }: CgroupHierarchies, shared: string): void {
  const request = offered.map((controller) => `+${controller}`).join(" ");
  writeFileSync(join(unified ?? "", parent, "cgroup.subtree_control"), request);
  mkdirSync(join(unified ?? "", shared), { recursive: true });
  writeFileSync(join(unified ?? "", shared, "cgroup.subtree_control"), request);
}

function tryRemove(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return true;
    if (code === "EBUSY" || code === "ENOTEMPTY") return false;
    throw error;
  }
}

function tryWrite(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** 0 is a process of another pid namespace. */
function readPids(file: string): number[] {
  return readOrEmpty(file)
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
