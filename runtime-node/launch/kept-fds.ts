import type { Kernel } from "#kernel/kernel.ts";
import { type ProcessIdentity, ownIdentity, takeFd } from "#kernel/take-fd.ts";

/** The part of the supervisor that keeps fds; see `SupervisorClient`. */
export interface FdKeeper {
  keepFd(name: string, owner: ProcessIdentity, fd: number): Promise<void>;
  listFds(): Promise<KeptFdList>;
  dropFd(name: string): Promise<void>;
}

export interface KeptFdList {
  owner: ProcessIdentity;
  fds: { name: string; fd: number }[];
}

/**
 * The agent's view of the fds that the supervisor keeps for it. Where they cannot be kept (Yama's ptrace_scope 3) the agent works without: what
 * depended on them then begins anew with each agent.
 */
export class KeptFds {
  readonly #kernel: Kernel;
  readonly #keeper: FdKeeper;
  readonly #self = ownIdentity();
  readonly #inherited: Map<string, number>;
  readonly #owner: ProcessIdentity;
  #hasFailed = false;

  private constructor(kernel: Kernel, keeper: FdKeeper, { owner, fds }: KeptFdList) {
    this.#kernel = kernel;
    this.#keeper = keeper;
    this.#owner = owner;
    this.#inherited = new Map(fds.map(({ name, fd }) => [name, fd]));
  }

  static async open(kernel: Kernel, keeper: FdKeeper): Promise<KeptFds> {
    return new KeptFds(kernel, keeper, await keeper.listFds());
  }

  /** A copy of what a former agent had kept under this name, the caller's to close; undefined when there is none. */
  take(name: string): number | undefined {
    const fd = this.#inherited.get(name);
    this.#inherited.delete(name);
    if (fd === undefined) return undefined;
    try {
      return takeFd(this.#kernel, this.#owner, fd);
    } catch (error) {
      this.#report(`the fd ${name} cannot be taken back`, error);
      return undefined;
    }
  }

  /**
   * Has a copy kept until `drop`. The fd must stay open until this resolves. Requests are served in their order: what is asked of the
   * supervisor afterwards happens after it, awaited or not.
   */
  async keep(name: string, fd: number): Promise<void> {
    this.#inherited.delete(name);
    await this.#keeper
      .keepFd(name, this.#self, fd)
      .catch((error: unknown) => this.#report(`the fd ${name} is not kept`, error));
  }

  async drop(name: string): Promise<void> {
    this.#inherited.delete(name);
    await this.#keeper.dropFd(name).catch((error: unknown) => this.#report(`the fd ${name} is not dropped`, error));
  }

  /** After recovery: what a former agent had kept and this one has no use for. */
  async dropUnclaimed(): Promise<void> {
    await Promise.all([...this.#inherited.keys()].map((name) => this.drop(name)));
  }

  #report(what: string, error: unknown): void {
    if (!this.#hasFailed) console.error(`${what}:`, error);
    this.#hasFailed = true;
  }
}
