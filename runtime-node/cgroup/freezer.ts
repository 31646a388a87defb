import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cgroupError } from "./errors.ts";
import type { CgroupHierarchies } from "./hierarchy.ts";

/** What a group's processes are stopped with. */
interface Freezer {
  freeze(signal: AbortSignal): Promise<void>;
  thaw(): void;
  isFrozen(): boolean;
}

/** One language of the freezer: what is written, and what is read when every process stands. */
interface FreezerFiles {
  write: string;
  freeze: string;
  thaw: string;
  read: string;
  frozen: RegExp;
}

/** cgroup.freeze and cgroup.events of v2 (admin-guide/cgroup-v2.rst), freezer.state of v1 (cgroup-v1/freezer-subsystem.rst). */
const V2: FreezerFiles = { write: "cgroup.freeze", freeze: "1", thaw: "0", read: "cgroup.events", frozen: /^frozen 1$/m };
const V1: FreezerFiles = {
  write: "freezer.state",
  freeze: "FROZEN",
  thaw: "THAWED",
  read: "freezer.state",
  frozen: /^FROZEN$/m,
};

/** A process in an uninterruptible wait freezes when the wait is over. */
const FREEZE_DEADLINE_MS = 10_000;
const LOOK_AGAIN_MS = 5;

/** @throws SLIPWAY_CGROUP_NO_FREEZER */
export function freezerOf({ unified, v1 }: CgroupHierarchies, groupIn: (root: string) => string): Freezer {
  if (unified !== null) return new GroupFreezer(groupIn(unified), V2);
  if (v1.freezer !== undefined) return new GroupFreezer(groupIn(v1.freezer), V1);
  throw cgroupError("SLIPWAY_CGROUP_NO_FREEZER", "no hierarchy of this machine can freeze a group");
}

class GroupFreezer implements Freezer {
  readonly #group: string;
  readonly #files: FreezerFiles;

  constructor(group: string, files: FreezerFiles) {
    this.#group = group;
    this.#files = files;
  }

  async freeze(signal: AbortSignal): Promise<void> {
    this.#write(this.#files.freeze);
    const deadline = performance.now() + FREEZE_DEADLINE_MS;
    while (!this.isFrozen()) {
      if (performance.now() > deadline) {
        this.thaw();
        const message = `${this.#group} was not frozen within ${FREEZE_DEADLINE_MS} ms`;
        throw cgroupError("SLIPWAY_CGROUP_NOT_FROZEN", message);
      }
      await delay(LOOK_AGAIN_MS, undefined, { signal });
      // v1 gives up on a group that changes while it is frozen; asking again goes on.
      if (this.#files === V1) this.#write(this.#files.freeze);
    }
  }

  thaw(): void {
    this.#write(this.#files.thaw);
  }

  isFrozen(): boolean {
    try {
      return this.#files.frozen.test(readFileSync(join(this.#group, this.#files.read), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  #write(state: string): void {
    writeFileSync(join(this.#group, this.#files.write), state, { flag: "r+" });
  }
}
