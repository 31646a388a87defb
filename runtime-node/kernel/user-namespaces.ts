import { CONSTANTS } from "./constants.ts";
import type { Kernel } from "./kernel.ts";
import { type ChildPlan, WAIT_FOR_RELEASE } from "./plan/child-plan.ts";
import { cloneAndPark, ParkedChild } from "./plan/clone.ts";
import type { LastingFds } from "./plan/host-steps.ts";
import type { HostStep, IdExtent, IdMap } from "./plan/step.ts";

const mapText = (extents: readonly IdExtent[]): string =>
  extents.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join("");

/** The steps that give a parked child in a new user namespace its maps, user_namespaces(7). */
export function mapSteps(map: IdMap): HostStep[] {
  return [
    { kind: "write", name: "map the uids", path: "/proc/{pid}/uid_map", text: mapText(map.uid) },
    { kind: "write", name: "map the gids", path: "/proc/{pid}/gid_map", text: mapText(map.gid) },
  ];
}

const nothing = (): never => {
  throw new RangeError("pinning a user namespace takes no lasting fd");
};
const NONE: LastingFds = { userNamespace: nothing, pidfd: nothing };

/**
 * User namespaces that exist only as fds, one for each map: mount_setattr(2) takes one to say how a mount's ids are shifted.
 * Made by a child that lives for a moment; an fd keeps the namespace.
 */
export class UserNamespaces implements Disposable {
  readonly #kernel: Kernel;
  readonly #fds = new Map<string, Promise<number>>();
  readonly #ready = new Map<string, number>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Makes sure that the maps of these steps can be opened. */
  async prepare(steps: readonly HostStep[]): Promise<void> {
    const maps = steps.flatMap((step) => (step.kind === "user-namespace" ? [step.map] : []));
    for (const map of maps) {
      const key = JSON.stringify(map);
      const pinning = this.#fds.get(key) ?? this.#pin(map);
      this.#fds.set(key, pinning);
      try {
        this.#ready.set(key, await pinning);
      } catch (error) {
        this.#fds.delete(key);
        throw error;
      }
    }
  }

  open(map: IdMap): number {
    const fd = this.#ready.get(JSON.stringify(map));
    if (fd === undefined) throw new RangeError("the user namespace was not prepared");
    return fd;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#ready.values()) this.#kernel.attempt("close", fd);
    this.#ready.clear();
    this.#fds.clear();
  }

  async #pin(map: IdMap): Promise<number> {
    const plan: ChildPlan = {
      prepare: [],
      namespaces: ["CLONE_NEWUSER"],
      parked: mapSteps(map),
      child: [...WAIT_FOR_RELEASE],
      cleanup: [],
    };
    const parked = await cloneAndPark(this.#kernel, plan, NONE);
    if (!(parked instanceof ParkedChild)) throw new Error(`user namespace: ${parked.failure.message}`);
    try {
      const flags = CONSTANTS.O_RDONLY | CONSTANTS.O_CLOEXEC;
      return this.#kernel.call("openat", CONSTANTS.AT_FDCWD, `/proc/${parked.pid}/ns/user`, flags, 0);
    } finally {
      await parked.abort();
    }
  }
}
