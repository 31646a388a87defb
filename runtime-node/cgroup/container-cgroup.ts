import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ResourceLimits } from "#contracts/service-spec.ts";
import type { CgroupMembership } from "../launch/container-launch.ts";
import { cgroupError } from "./errors.ts";
import type { CgroupHierarchies, Controller } from "./hierarchy.ts";
import { type LimitWrite, limitWrites } from "./limits.ts";

/** The last process of a group has been reaped when we remove it; the kernel lets go of it within a few scheduler ticks. */
const REMOVE_DEADLINE_MS = 2_000;

/**
 * One container's group in every hierarchy: `<mount>/slipway-<hash>/<instance>`. It is known by its name alone, so a later
 * process opens it with the same call.
 */
export class ContainerCgroup {
  readonly #hierarchies: CgroupHierarchies;
  readonly #parent: string;
  readonly #name: string;

  constructor(hierarchies: CgroupHierarchies, hash: string, name: string) {
    this.#hierarchies = hierarchies;
    this.#parent = `slipway-${hash}`;
    this.#name = name;
  }

  /** Makes the groups and writes the limits; nothing is left when a limit is refused. */
  create(limits: ResourceLimits): void {
    const { version, unified } = this.#hierarchies;
    if (version === "v2" && unified !== null) enableControllers(unified, this.#parent);
    for (const directory of this.#directories()) mkdirSync(directory, { recursive: true });
    try {
      for (const write of limitWrites(limits)[version]) this.#write(write);
    } catch (error) {
      this.#removeNow();
      throw error;
    }
  }

  get membership(): CgroupMembership {
    const { version, v1 } = this.#hierarchies;
    const directories = this.#directories();
    if (version === "v2") return { join: [], into: directories[0] ?? null, v1Hierarchies: [] };
    const names = new Set(Object.values(v1).map((mount) => mount.slice(mount.lastIndexOf("/") + 1)));
    return { join: directories, into: null, v1Hierarchies: [...names] };
  }

  /** How often the kernel killed in here for want of memory. */
  oomKills(): number {
    const { version } = this.#hierarchies;
    const directory = this.#controllerDirectory("memory");
    if (directory === undefined) return 0;
    const text = readOrEmpty(join(directory, version === "v2" ? "memory.events" : "memory.oom_control"));
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Kills whatever is in the group, cgroup.kill of v2 (Linux 5.14); false where there is no v2 tree. */
  kill(): boolean {
    const { unified } = this.#hierarchies;
    if (unified === null) return false;
    try {
      writeFileSync(join(unified, this.#parent, this.#name, "cgroup.kill"), "1");
      return true;
    } catch {
      return false;
    }
  }

  /** Removes the groups; absent ones are fine. */
  async remove(): Promise<void> {
    const deadline = Date.now() + REMOVE_DEADLINE_MS;
    for (const directory of this.#directories()) {
      // cgroups(7) has no way to be told that a v1 group is empty without a release agent, so we ask again.
      while (!tryRemove(directory)) {
        if (Date.now() > deadline)
          throw cgroupError("SLIPWAY_CGROUP_BUSY", `${directory} cannot be removed: it still has processes`);
        this.kill();
        await nextTurn();
      }
    }
  }

  #directories(): string[] {
    const { version, v1, unified } = this.#hierarchies;
    const roots = version === "v2" ? [unified] : [...new Set(Object.values(v1)), unified];
    return roots.filter((root) => root !== null).map((root) => join(root, this.#parent, this.#name));
  }

  #controllerDirectory(controller: Controller): string | undefined {
    const { version, v1, unified } = this.#hierarchies;
    const root = version === "v2" ? unified : v1[controller];
    return root === undefined || root === null ? undefined : join(root, this.#parent, this.#name);
  }

  #write({ controller, file, value, optional }: LimitWrite): void {
    const directory = this.#controllerDirectory(controller);
    if (directory === undefined) {
      throw cgroupError(
        "SLIPWAY_CGROUP_CONTROLLER_MISSING",
        `a ${controller} limit is asked for, and no cgroup has the ${controller} controller`,
      );
    }
    try {
      writeFileSync(join(directory, file), value);
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
  for (const root of roots) if (root !== null) tryRemove(join(root, `slipway-${hash}`));
}

/** Down to the containers' groups, cgroup v2 gives a child only the controllers its parent passes on. */
function enableControllers(unified: string, parent: string): void {
  const request = "+cpu +memory +pids";
  writeFileSync(join(unified, "cgroup.subtree_control"), request);
  mkdirSync(join(unified, parent), { recursive: true });
  writeFileSync(join(unified, parent, "cgroup.subtree_control"), request);
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

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
