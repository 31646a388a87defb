import type { HomeLayout } from "#contracts/home.ts";
import type { Program, UpgradeLine } from "#contracts/server-upgrade.ts";
import { ChildServer } from "./child-server.ts";
import type { ChildTable } from "./child-table.ts";
import type { FdStore } from "./fd-store.ts";
import { UpgradeServer } from "./upgrade-server.ts";

/** The supervisor's two unix sockets. They close before it becomes another program, and open again when that fails. */
export class SupervisorSockets implements AsyncDisposable {
  readonly #open: () => Promise<{ children: ChildServer; upgrades: UpgradeServer }>;
  #requested = Promise.withResolvers<Program>();
  #opened: { children: ChildServer; upgrades: UpgradeServer } | undefined;

  private constructor(home: HomeLayout, table: ChildTable, fds: FdStore, said: UpgradeLine[]) {
    this.#open = async () => ({
      children: await ChildServer.listen(home.supervisorSocket, table, fds),
      upgrades: await UpgradeServer.listen(home.upgradeSocket, said, (program) => this.#requested.resolve(program)),
    });
  }

  static async open(home: HomeLayout, table: ChildTable, fds: FdStore, said: UpgradeLine[]): Promise<SupervisorSockets> {
    const sockets = new SupervisorSockets(home, table, fds, said);
    await sockets.reopen();
    return sockets;
  }

  get children(): ChildServer {
    return this.#now.children;
  }

  get upgrades(): UpgradeServer {
    return this.#now.upgrades;
  }

  /** Resolves when somebody asks for an upgrade; asked again, to the next request. */
  async upgradeRequested(): Promise<Program> {
    const program = await this.#requested.promise;
    this.#requested = Promise.withResolvers();
    return program;
  }

  async reopen(): Promise<void> {
    this.#opened = await this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.upgrades[Symbol.asyncDispose]();
    await opened?.children[Symbol.asyncDispose]();
  }

  get #now(): { children: ChildServer; upgrades: UpgradeServer } {
    if (this.#opened === undefined) throw new Error("the supervisor's sockets are closed");
    return this.#opened;
  }
}
