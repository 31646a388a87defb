import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { ExitStatus } from "#kernel/pidfd.ts";
import type { FdKeeper } from "./kept-fds.ts";
import type { ChildReport, LaunchAnswer } from "./protocol.ts";
import { SupervisorClient } from "./supervisor-client.ts";

export interface ChildExit {
  status: ExitStatus;
  exitedAt: string;
}

/**
 * The supervisor's children as the agent uses them: every launch has one promise of its end, also for children that were
 * launched by a former agent.
 */
export class Children implements AsyncDisposable {
  readonly #exits = new Map<string, PromiseWithResolvers<ChildExit>>();
  #client: SupervisorClient | undefined;

  /** Connects, and takes over what runs or has ended since. */
  static async connect(path: string, events: { stopContainers: () => void; closed: () => void }): Promise<Children> {
    const children = new Children();
    const client = await SupervisorClient.connect(path, { ...events, exited: (report) => children.#settle(report) });
    children.#client = client;
    for (const report of await client.list()) children.#take(report);
    return children;
  }

  async launch(child: string, plan: ChildPlan): Promise<LaunchAnswer> {
    this.#exits.set(child, Promise.withResolvers());
    const answer = await this.#connected.launch(child, plan);
    if (answer.type === "failed") this.#exits.delete(child);
    return answer;
  }

  async release(child: string): Promise<LaunchAnswer> {
    const answer = await this.#connected.release(child);
    if (answer.type === "failed") this.#exits.delete(child);
    return answer;
  }

  async abort(child: string): Promise<void> {
    this.#exits.delete(child);
    await this.#connected.abort(child);
  }

  /** Signals a child that runs; one that has ended meanwhile is no error. */
  async signal(child: string, signal: number): Promise<void> {
    await this.#connected.signal(child, signal).catch((error: unknown) => {
      if (this.#exits.has(child) && this.#client?.connected === true) return;
      throw error;
    });
  }

  /** Resolves when the child has ended; undefined when the supervisor knows no such child. */
  exitOf(child: string): Promise<ChildExit> | undefined {
    return this.#exits.get(child)?.promise;
  }

  /** The end has been recorded: the supervisor need not keep it. */
  async forget(child: string): Promise<void> {
    this.#exits.delete(child);
    await this.#connected.forget(child);
  }

  /** Every child the supervisor keeps, running or ended. */
  async list(): Promise<ChildReport[]> {
    return this.#connected.list();
  }

  /** Where fds are kept that must outlive this agent. */
  get fds(): FdKeeper {
    return this.#connected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }

  get #connected(): SupervisorClient {
    if (this.#client === undefined) throw new Error("the supervisor is not connected");
    return this.#client;
  }

  #take(report: ChildReport): void {
    if (report.state.type === "parked") return;
    this.#exits.set(report.child, Promise.withResolvers());
    this.#settle(report);
  }

  #settle({ child, state }: ChildReport): void {
    if (state.type !== "exited") return;
    this.#exits.get(child)?.resolve({ status: state.status, exitedAt: state.exitedAt });
  }
}
