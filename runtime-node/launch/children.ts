import type { Kernel } from "#kernel/kernel.ts";
import type { ExitStatus } from "#kernel/pidfd.ts";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import { ChildPidfds } from "./child-pidfds.ts";
import type { FdKeeper } from "./kept-fds.ts";
import type { ChildReport, LaunchAnswer } from "./protocol.ts";
import type { SupervisorClient } from "./supervisor-client.ts";
import { SupervisorLink } from "./supervisor-link.ts";

export interface ChildExit {
  status: ExitStatus;
  exitedAt: string;
}

export interface ChildrenOptions {
  kernel: Kernel;
  /** Of the supervisor's socket. */
  path: string;
  supervisorPid: number;
  stopContainers: () => void;
}

const UNKNOWN: ExitStatus = { code: null, signal: null };
const SIGKILL = 9;
/** Whoever asks for an fd to be kept has other ways: it waits for a supervisor that replaces itself, not for a dead one. */
const KEEP_FDS_WAIT_MS = 5_000;

/**
 * The supervisor's children as the agent uses them: every launch has one promise of its end, also for children that were
 * launched by a former agent. Running ones are signalled and watched by pidfds of our own, so that a supervisor that is replaced, or dead,
 * is missed only by launches: these wait for it.
 */
export class Children implements AsyncDisposable {
  readonly #exits = new Map<string, PromiseWithResolvers<ChildExit>>();
  readonly #pidfds: ChildPidfds;
  /** How many connections were lost when a child was parked: a later one has taken it along. */
  readonly #parked = new Map<string, number>();
  #losses = 0;
  #link: SupervisorLink | undefined;

  private constructor(kernel: Kernel) {
    this.#pidfds = new ChildPidfds(kernel);
  }

  /** Connects, and takes over what runs or has ended since. */
  static async connect({ kernel, path, supervisorPid, stopContainers }: ChildrenOptions): Promise<Children> {
    const children = new Children(kernel);
    let isFirst = true;
    children.#link = await SupervisorLink.open(path, supervisorPid, {
      stopContainers,
      exited: (report) => children.#settle(report),
      lost: () => {
        children.#losses++;
        children.#watchAlone();
      },
      found: async (client) => {
        const reports = await client.list();
        if (isFirst) for (const report of reports) children.#take(report);
        else await children.#resync(client, reports);
        isFirst = false;
      },
    });
    return children;
  }

  /** Resolves when launches would be served, however long that takes; throws SLIPWAY_LAUNCH_SUPERVISOR_AWAY when the signal aborts. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#open.connected(signal, { alsoFromDead: true });
  }

  /** False while the supervisor is away, and launches wait. */
  get isReady(): boolean {
    return this.#open.client !== undefined;
  }

  /**
   * Has a plan run up to where the child waits. Waits until the signal aborts for a supervisor that replaces itself; throws
   * SLIPWAY_LAUNCH_SUPERVISOR_AWAY when it does not come back, is dead, or goes away meanwhile.
   */
  async launch(child: string, plan: ChildPlan, signal: AbortSignal): Promise<LaunchAnswer> {
    const client = this.#open.client ?? (await this.#open.connected(signal));
    this.#exits.set(child, Promise.withResolvers());
    const answer = await this.#attempt(child, client, client.launch(child, plan));
    if (answer.type === "parked") {
      this.#parked.set(child, this.#losses);
      this.#pidfds.hold(child, answer.pid, answer.startTime);
    }
    return answer;
  }

  /**
   * To be asked when something fails between launch and release. Throws SLIPWAY_LAUNCH_SUPERVISOR_AWAY when the supervisor went away, and
   * took the waiting child with it: whatever failed, that is why.
   */
  async requireParked(child: string): Promise<void> {
    const { client } = this.#open;
    await client?.list().catch(() => {});
    if (client?.connected !== true || this.#parked.get(child) !== this.#losses) throw this.#open.awayError();
  }

  /** Lets a parked child go on. When the supervisor dies over it, the child is ended, however far it came. */
  async release(child: string): Promise<LaunchAnswer> {
    const { client } = this.#open;
    if (client === undefined || this.#parked.get(child) !== this.#losses) {
      await this.#giveUp(child);
      throw this.#open.awayError();
    }
    const answer = await this.#attempt(child, client, client.release(child));
    if (answer.type === "running") this.#pidfds.hold(child, answer.pid, answer.startTime);
    return answer;
  }

  async abort(child: string): Promise<void> {
    const { client } = this.#open;
    if (client === undefined) return this.#giveUp(child);
    this.#drop(child);
    await client.abort(child);
  }

  /** Signals a child that runs; one that has ended meanwhile is no error. */
  async signal(child: string, signal: number): Promise<void> {
    if (!this.#exits.has(child)) throw new Error(`"${child}" does not run`);
    this.#pidfds.signal(child, signal);
  }

  /** Resolves when the child has ended; undefined when the supervisor knows no such child. */
  exitOf(child: string): Promise<ChildExit> | undefined {
    return this.#exits.get(child)?.promise;
  }

  /** The end has been recorded: the supervisor need not keep it. One that is away is told when it is back. */
  async forget(child: string): Promise<void> {
    this.#drop(child);
    await this.#open.client?.forget(child).catch(() => {});
  }

  /** Every child the supervisor keeps, running or ended. */
  async list(): Promise<ChildReport[]> {
    const { client } = this.#open;
    if (client === undefined) throw this.#open.awayError();
    return client.list();
  }

  /** Where fds are kept that must outlive this agent. */
  get fds(): FdKeeper {
    // In this turn where it can be: what is asked for next is then served after it.
    const withClient = async <Answer>(ask: (client: SupervisorClient) => Promise<Answer>): Promise<Answer> =>
      ask(this.#open.client ?? (await this.#open.connected(AbortSignal.timeout(KEEP_FDS_WAIT_MS))));
    return {
      keepFd: (...kept) => withClient((client) => client.keepFd(...kept)),
      dropFd: (name) => withClient((client) => client.dropFd(name)),
      listFds: () => withClient((client) => client.listFds()),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link?.[Symbol.asyncDispose]();
    this.#pidfds[Symbol.dispose]();
  }

  get #open(): SupervisorLink {
    if (this.#link === undefined) throw new Error("the supervisor is not connected");
    return this.#link;
  }

  /** What the supervisor took with it is ended by us, so that a later launch under the same name is the only one. */
  async #attempt(child: string, client: SupervisorClient, answered: Promise<LaunchAnswer>): Promise<LaunchAnswer> {
    try {
      const answer = await answered;
      if (answer.type === "failed") this.#drop(child);
      return answer;
    } catch (error) {
      if (client.connected) this.#drop(child);
      else await this.#giveUp(child);
      throw client.connected ? error : this.#open.awayError(error);
    }
  }

  async #giveUp(child: string): Promise<void> {
    await this.#pidfds.kill(child);
    this.#drop(child);
  }

  #drop(child: string): void {
    this.#exits.delete(child);
    this.#parked.delete(child);
    this.#pidfds.release(child);
  }

  #take({ child, state }: ChildReport): void {
    if (state.type === "parked") return;
    this.#exits.set(child, Promise.withResolvers());
    if (state.type === "running") this.#pidfds.hold(child, state.pid, state.startTime);
    this.#settle({ child, state });
  }

  #settle({ child, state }: ChildReport): void {
    if (state.type !== "exited") return;
    this.#exits.get(child)?.resolve({ status: state.status, exitedAt: state.exitedAt });
  }

  /** Nobody will tell us of ends until there is a supervisor again, or never: our own pidfds do. */
  #watchAlone(): void {
    for (const [child, exit] of this.#exits) {
      this.#watchOne(child, exit).catch((error: unknown) => console.error(`the end of ${child} may go unnoticed:`, error));
    }
  }

  async #watchOne(child: string, exit: PromiseWithResolvers<ChildExit>): Promise<void> {
    const status = (await this.#pidfds.ended(child)) ?? UNKNOWN;
    // Before Linux 6.15 only the parent learns the code; while that lives, it will say.
    if (status.code === null && this.#open.supervisorLives) return;
    if (this.#exits.get(child) === exit) exit.resolve({ status, exitedAt: new Date().toISOString() });
  }

  /** Learns of the ends of the meantime, and ends what the supervisor has and we gave up. */
  async #resync(client: SupervisorClient, reports: readonly ChildReport[]): Promise<void> {
    const strays: string[] = [];
    for (const report of reports) {
      if (this.#exits.has(report.child)) this.#settle(report);
      else if (report.state.type !== "parked") {
        strays.push(report.child);
        this.#take(report);
      }
    }
    await Promise.all(strays.map((child) => this.#endStray(client, child)));
  }

  async #endStray(client: SupervisorClient, child: string): Promise<void> {
    this.#pidfds.signal(child, SIGKILL);
    await this.exitOf(child);
    this.#drop(child);
    await client.forget(child);
  }
}
