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

interface Pin {
  users: number;
  fd: Promise<number>;
  ready: number | undefined;
}

/**
 * User namespaces that exist only as fds: mount_setattr(2) takes one to say how a mount's ids are shifted. Made by a child that lives for
 * a moment, shared by all who need the same map at a time, and closed with the last of them: a mount keeps its own reference.
 */
export class UserNamespaces implements Disposable {
  readonly #kernel: Kernel;
  readonly #pins = new Map<string, Pin>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Pins the maps of these steps, so that they can be opened until the answer is disposed. */
  async prepare(steps: readonly HostStep[]): Promise<Disposable> {
    const maps = steps.flatMap((step) => (step.kind === "user-namespace" ? [step.map] : []));
    const held = new DisposableStack();
    try {
      for (const map of maps) held.use(await this.#hold(map));
      return held;
    } catch (error) {
      held.dispose();
      throw error;
    }
  }

  open(map: IdMap): number {
    const fd = this.#pins.get(JSON.stringify(map))?.ready;
    if (fd === undefined) throw new RangeError("the user namespace was not prepared");
    return fd;
  }

  [Symbol.dispose](): void {
    for (const { ready } of this.#pins.values()) if (ready !== undefined) this.#kernel.attempt("close", ready);
    this.#pins.clear();
  }

  async #hold(map: IdMap): Promise<Disposable> {
    const key = JSON.stringify(map);
    const pin = this.#pins.get(key) ?? { users: 0, fd: this.#pin(map), ready: undefined };
    this.#pins.set(key, pin);
    pin.users++;
    try {
      pin.ready = await pin.fd;
    } catch (error) {
      this.#letGo(key, pin);
      throw error;
    }
    return { [Symbol.dispose]: () => this.#letGo(key, pin) };
  }

  #letGo(key: string, pin: Pin): void {
    if (--pin.users > 0 || this.#pins.get(key) !== pin) return;
    this.#pins.delete(key);
    if (pin.ready !== undefined) this.#kernel.attempt("close", pin.ready);
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
