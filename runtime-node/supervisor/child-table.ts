import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";
import { reap, startTimeOf } from "#kernel/pidfd.ts";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import { cloneAndPark, type CloneEnd, ParkedChild } from "#kernel/plan/clone.ts";
import type { LastingFds } from "#kernel/plan/host-steps.ts";
import { UserNamespaces } from "#kernel/user-namespaces.ts";
import type { ChildReport, LaunchAnswer } from "../launch/protocol.ts";
import type { ChildState } from "../launch/protocol.ts";

type Entry = {
  state: ChildState;
  parked?: ParkedChild;
  /** Released: it may exec at any moment. */
  isOnItsWay?: boolean;
  timer?: NodeJS.Timeout;
  pidfd?: number;
};

/** A parked child holds one of koffi's few threads. */
const LONGEST_PARK_MS = 30_000;

/**
 * Every container process of this machine. What runs is written to a file in the run folder (gone with a reboot, as the
 * processes are), so that the next supervisor adopts it.
 */
export class ChildTable implements Disposable {
  readonly #kernel: Kernel;
  readonly #file: string;
  readonly #userNamespaces: UserNamespaces;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(report: ChildReport) => void>();
  #ended = Promise.withResolvers<void>();

  constructor(kernel: Kernel, file: string) {
    this.#kernel = kernel;
    this.#file = file;
    this.#userNamespaces = new UserNamespaces(kernel);
  }

  /** Calls back at every end. */
  onExit(listener: (report: ChildReport) => void): void {
    this.#listeners.add(listener);
  }

  /** Takes over what a former supervisor left running, or recorded as ended. A pid is believed only with its start time. */
  adopt(): void {
    for (const { child, state } of readReports(this.#file)) {
      if (state.type === "exited") this.#entries.set(child, { state });
      if (state.type === "running") this.#adoptRunning(child, state);
    }
    this.#save();
  }

  reports(): ChildReport[] {
    return [...this.#entries].map(([child, { state }]) => ({ child, state }));
  }

  get running(): number {
    return this.reports().filter(({ state }) => state.type === "running").length;
  }

  /** Resolves when no container or exec runs. */
  async untilNoneRuns(): Promise<void> {
    while (this.running > 0) {
      this.#ended = Promise.withResolvers();
      await this.#ended.promise;
    }
  }

  async launch(child: string, plan: ChildPlan): Promise<LaunchAnswer> {
    if (this.#entries.has(child)) throw new Error(`"${child}" is there already (${this.#entries.get(child)?.state.type})`);
    using _ = await this.#userNamespaces.prepare([...plan.prepare, ...plan.parked]);
    const parked = await cloneAndPark(this.#kernel, plan, this.#lastingFds());
    if (!(parked instanceof ParkedChild)) return parked;
    const timer = setTimeout(() => void this.abort(child).catch(() => {}), LONGEST_PARK_MS);
    const startTime = startTimeOf(parked.pid) ?? 0;
    this.#entries.set(child, { state: { type: "parked", pid: parked.pid, startTime }, parked, timer });
    return { type: "parked", pid: parked.pid, startTime };
  }

  async release(child: string): Promise<LaunchAnswer> {
    const parked = this.#parked(child);
    await this.#recordRelease(child, parked);
    const end = await parked.release();
    if (end.type === "failed") {
      this.#entries.delete(child);
      this.#save();
      return end;
    }
    return this.#started(child, end);
  }

  async abort(child: string): Promise<void> {
    const parked = this.#parked(child);
    this.#entries.delete(child);
    await parked.abort();
  }

  /** The agent went away: nobody will release these. */
  async abortParked(): Promise<void> {
    const parked = this.reports().filter(({ state }) => state.type === "parked");
    await Promise.allSettled(parked.map(({ child }) => this.abort(child)));
  }

  signal(child: string, signal: number): void {
    const pidfd = this.#entries.get(child)?.pidfd;
    if (pidfd === undefined) throw new Error(`"${child}" does not run`);
    this.#kernel.call("pidfd_send_signal", pidfd, signal, null, 0);
  }

  forget(child: string): void {
    if (this.#entries.get(child)?.state.type !== "exited") return;
    this.#entries.delete(child);
    this.#save();
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    for (const { pidfd } of this.#entries.values()) if (pidfd !== undefined) this.#kernel.attempt("close", pidfd);
    this.#userNamespaces[Symbol.dispose]();
  }

  /** On record before it can exec: a supervisor that is killed in between leaves nothing that the next does not know of. */
  async #recordRelease(child: string, parked: ParkedChild): Promise<void> {
    const entry = this.#entries.get(child) as Entry;
    entry.isOnItsWay = true;
    try {
      this.#save();
    } catch (error) {
      this.#entries.delete(child);
      await parked.abort();
      throw error;
    }
  }

  #parked(child: string): ParkedChild {
    const { parked, timer } = this.#entries.get(child) ?? {};
    clearTimeout(timer);
    if (parked === undefined) throw new Error(`"${child}" does not wait to be released`);
    return parked;
  }

  #started(child: string, { pid, pidfd, outcomes }: Extract<CloneEnd, { type: "running" }>): LaunchAnswer {
    // A zombie still has its start time, so a process that ended already is found too.
    const startTime = startTimeOf(pid) ?? 0;
    const isOnRecord = this.#entries.get(child)?.state.pid === pid;
    this.#entries.set(child, { state: { type: "running", pid, startTime }, pidfd });
    if (!isOnRecord) this.#save();
    void this.#watch(child, pid, startTime, pidfd);
    return { type: "running", pid, startTime, outcomes };
  }

  #adoptRunning(child: string, state: Extract<ChildState, { type: "running" }>): void {
    const pidfd = this.#kernel.attempt("pidfd_open", state.pid, 0);
    if (pidfd >= 0 && startTimeOf(state.pid) === state.startTime) {
      this.#entries.set(child, { state, pidfd });
      void this.#watch(child, state.pid, state.startTime, pidfd);
      return;
    }
    if (pidfd >= 0) this.#kernel.attempt("close", pidfd);
    const status = { code: null, signal: null };
    this.#entries.set(child, { state: { ...state, type: "exited", status, exitedAt: new Date().toISOString() } });
  }

  async #watch(child: string, pid: number, startTime: number, pidfd: number): Promise<void> {
    try {
      const status = await reap(this.#kernel, pidfd, this.#closing.signal);
      const state: ChildState = { type: "exited", pid, startTime, status, exitedAt: new Date().toISOString() };
      this.#kernel.attempt("close", pidfd);
      this.#entries.set(child, { state });
      this.#save();
      for (const listener of this.#listeners) listener({ child, state });
      this.#ended.resolve();
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }

  #lastingFds(): LastingFds {
    return {
      userNamespace: (map) => this.#userNamespaces.open(map),
      pidfd: (child) => {
        const pidfd = this.#entries.get(child)?.pidfd;
        if (pidfd === undefined) throw new Error(`"${child}" does not run`);
        return pidfd;
      },
    };
  }

  #save(): void {
    const lasting = [...this.#entries].flatMap(([child, { state, isOnItsWay }]): ChildReport[] => {
      if (state.type !== "parked") return [{ child, state }];
      return isOnItsWay === true ? [{ child, state: { ...state, type: "running" } }] : [];
    });
    writeFileSync(`${this.#file}.new`, JSON.stringify(lasting), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function readReports(file: string): ChildReport[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ChildReport[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
