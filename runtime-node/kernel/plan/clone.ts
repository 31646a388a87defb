import { setImmediate as nextTurn } from "node:timers/promises";
import { CONSTANTS, type ConstantName, flagBits } from "../constants.ts";
import type { Kernel } from "../kernel.ts";
import { ARCHITECTURE } from "../linux-kernel.ts";
import { reap } from "../pidfd.ts";
import { Stub } from "../stub/stub.ts";
import { ChildMemory } from "./child-memory.ts";
import { type ChildPlan, RELEASE_READ, RELEASE_WRITE } from "./child-plan.ts";
import { type CloneFailure, describeFailure, cloneRefused, stoppedFromInside } from "./clone-failure.ts";
import { HostStepRunner, type LastingFds } from "./host-steps.ts";
import { SecondChild } from "./second-child.ts";
import type { StepOutcome } from "./step.ts";

const SIGKILL = 9;
const ALWAYS: ConstantName[] = ["CLONE_VM", "CLONE_VFORK", "CLONE_PIDFD", "CLONE_PARENT_SETTID", "CLONE_CLEAR_SIGHAND"];
const SPINS_BEFORE_TURN = 200;
/** From release to execve; a child that hangs (in a mount of a dead server, or out of memory) is killed. */
const LONGEST_WALK_MS = 20_000;

let sharedStub: Stub | undefined;

/** How a plan went, step by step, in the order of its phases. */
export interface PlanOutcomes {
  prepare: StepOutcome[];
  /** clone3 itself, from the call to the pid. */
  clone: StepOutcome;
  parked: StepOutcome[];
  child: StepOutcome[];
}

export type CloneEnd =
  | { type: "running"; pid: number; pidfd: number; outcomes: PlanOutcomes }
  | { type: "failed"; failure: CloneFailure; outcomes: PlanOutcomes };

/** A child that waits in its read: mapped, in its cgroup, not yet released. */
export class ParkedChild {
  readonly pid: number;
  readonly #finish: (released: boolean) => Promise<CloneEnd>;
  #end: Promise<CloneEnd> | undefined;

  constructor(pid: number, finish: (released: boolean) => Promise<CloneEnd>) {
    this.pid = pid;
    this.#finish = finish;
  }

  /** Lets it go on; resolves when it has exec'd or failed. */
  release(): Promise<CloneEnd> {
    return (this.#end ??= this.#finish(true));
  }

  /** Ends it; resolves when it is gone and all is released. */
  abort(): Promise<CloneEnd> {
    return (this.#end ??= this.#finish(false));
  }
}

/**
 * Runs a plan up to the point where the child waits for its release. A plan that fails before that resolves to its failure,
 * with everything released.
 */
export async function cloneAndPark(
  kernel: Kernel,
  plan: ChildPlan,
  lasting: LastingFds,
): Promise<ParkedChild | Extract<CloneEnd, { type: "failed" }>> {
  sharedStub ??= new Stub(ARCHITECTURE);
  const attempt = new CloneAttempt(kernel, plan, lasting);
  return attempt.park(sharedStub);
}

class CloneAttempt {
  readonly #kernel: Kernel;
  readonly #plan: ChildPlan;
  readonly #host: HostStepRunner;
  readonly #pipe: { read: number; write: number };
  /** Of this process, for a child that shares its files. */
  readonly #ownPidfd: number | undefined;
  readonly #second: SecondChild;
  #memory: ChildMemory | undefined;
  #returned: Promise<number> | undefined;
  #preparedCount: number | undefined;
  #isReleased = false;
  #cloned: StepOutcome = { result: null, microseconds: null };

  constructor(kernel: Kernel, plan: ChildPlan, lasting: LastingFds) {
    this.#kernel = kernel;
    this.#plan = plan;
    this.#host = new HostStepRunner(kernel, lasting);
    this.#second = new SecondChild(kernel, () => this.#memory?.secondPid ?? 0);
    const ends = Buffer.alloc(8);
    const shares = plan.sharesFilesUntil !== undefined;
    kernel.call("pipe2", ends, CONSTANTS.O_CLOEXEC | (shares ? CONSTANTS.O_NONBLOCK : 0));
    this.#pipe = { read: ends.readInt32LE(0), write: ends.readInt32LE(4) };
    this.#host.results.set(RELEASE_READ, this.#pipe.read);
    this.#host.results.set(RELEASE_WRITE, this.#pipe.write);
    if (shares) this.#ownPidfd = kernel.call("pidfd_open", process.pid, 0);
  }

  async park(stub: Stub): Promise<ParkedChild | Extract<CloneEnd, { type: "failed" }>> {
    try {
      const { prepare } = this.#plan;
      const before = this.#stepsBeforeClone();
      this.#host.run(prepare.slice(0, before));
      const memory = this.#startClone(stub);
      this.#host.run(prepare.slice(before));
      this.#preparedCount = this.#host.outcomes.length;
      const pid = await this.#waitForPid(memory);
      const microseconds = Number(process.hrtime.bigint() - memory.startedAt) / 1000;
      this.#cloned = { result: pid, microseconds };
      if (pid < 0) {
        // The stub reads the memory once more before it returns.
        await this.#returned;
        return this.#fail(cloneRefused(-pid, this.#plan.namespaces));
      }
      this.#host.pid = pid;
      this.#host.run(this.#plan.parked);
      memory.writeRest(this.#host.results);
      return new ParkedChild(pid, (released) => this.#finish(released));
    } catch (error) {
      await this.#endChild();
      return this.#failFor(error);
    }
  }

  #failFor(error: unknown): Extract<CloneEnd, { type: "failed" }> {
    try {
      return this.#fail(describeFailure(error));
    } catch (unknown) {
      this.#release();
      throw unknown;
    }
  }

  #stepsBeforeClone(): number {
    const { prepare, sharesFilesUntil, intoCgroup } = this.#plan;
    return sharesFilesUntil === undefined ? prepare.length : prepare.findIndex(({ name }) => name === intoCgroup) + 1;
  }

  #startClone(stub: Stub): ChildMemory {
    const { namespaces, intoCgroup, child, sharesFilesUntil } = this.#plan;
    const shares = sharesFilesUntil !== undefined;
    const head = shares ? child.findIndex(({ name }) => name === sharesFilesUntil) + 1 : child.length;
    const memory = new ChildMemory(child, this.#host.results, ARCHITECTURE, head);
    this.#memory = memory;
    if (this.#ownPidfd !== undefined) memory.writePoll(this.#pipe.read, this.#ownPidfd);
    const more: ConstantName[] = shares ? ["CLONE_FILES"] : [];
    if (intoCgroup !== undefined) more.push("CLONE_INTO_CGROUP");
    const cgroupFd = intoCgroup === undefined ? undefined : this.#host.results.get(intoCgroup);
    memory.writeCloneArguments(flagBits([...ALWAYS, ...namespaces, ...more]), CONSTANTS.SIGCHLD, cgroupFd);
    memory.startedAt = process.hrtime.bigint();
    this.#returned = stub.run(memory.headerAddress);
    return memory;
  }

  /**
   * The kernel writes the pid before the child runs; a clone that failed writes its errno instead. Microseconds, so we spin; but
   * when parked children hold all of koffi's threads, ours starts only when one of them is released, which takes this thread.
   */
  async #waitForPid(memory: ChildMemory): Promise<number> {
    for (let spin = 0; ; spin++) {
      if (memory.pid !== 0) return memory.pid;
      const result = memory.cloneResult;
      if (result !== undefined) return result;
      if (spin < SPINS_BEFORE_TURN) this.#kernel.attempt("sched_yield");
      else await nextTurn();
    }
  }

  async #finish(released: boolean): Promise<CloneEnd> {
    const memory = this.#memory as ChildMemory;
    if (!released) {
      await this.#endChild();
      return this.#fail({
        step: "wait for release",
        call: "",
        errno: null,
        message: "the launch was called off",
        exec: false,
      });
    }
    this.#isReleased = true;
    this.#kernel.call("write", this.#pipe.write, Buffer.from([1]), 1);
    await this.#untilExec(memory);
    if (this.#second.wasStopped) {
      await this.#endChild();
      return this.#fail(stoppedFromInside(this.#plan));
    }
    const failed = memory.failedStep;
    if (failed !== undefined) {
      await this.#endChild();
      return this.#fail(
        describeFailure({ step: failed, result: memory.resultOf(failed.name) ?? 0, memory, plan: this.#plan }),
      );
    }
    const pid = await this.#pidThatMatters(memory);
    if (pid === undefined) {
      await this.#second.end();
      return this.#fail(stoppedFromInside(this.#plan));
    }
    const outcomes = this.#outcomes();
    const pidfd = pid === memory.pid ? memory.pidfd : this.#kernel.call("pidfd_open", pid, 0);
    this.#release();
    return { type: "running", pid, pidfd, outcomes };
  }

  /** Resolves when no child of the plan stands in our memory: it has exec'd, or died. */
  async #untilExec(memory: ChildMemory): Promise<void> {
    using _ = this.#plan.pidFrom === undefined ? undefined : this.#second.watch();
    const timer = setTimeout(() => {
      this.#second.kill();
      this.#kernel.attempt("pidfd_send_signal", memory.pidfd, SIGKILL, null, 0);
    }, LONGEST_WALK_MS);
    await this.#returned;
    clearTimeout(timer);
  }

  /** The second clone's pid, after its parent (the first) is reaped; undefined when that one did not see it exec. */
  async #pidThatMatters(memory: ChildMemory): Promise<number | undefined> {
    if (this.#plan.pidFrom === undefined) return memory.pid;
    const { code } = await reap(this.#kernel, memory.pidfd);
    this.#kernel.attempt("close", memory.pidfd);
    return code === 0 ? memory.secondPid : undefined;
  }

  /** Kills the child if there is one, waits until the stub is back, and reaps. */
  async #endChild(): Promise<void> {
    const memory = this.#memory;
    if (memory === undefined) return;
    // A step may have failed while it was still being cloned.
    if ((await this.#waitForPid(memory)) < 0) return void (await this.#returned);
    this.#kernel.attempt("pidfd_send_signal", memory.pidfd, SIGKILL, null, 0);
    await this.#returned;
    await reap(this.#kernel, memory.pidfd);
    this.#kernel.attempt("close", memory.pidfd);
    await this.#second.end();
  }

  #fail(failure: CloneFailure): Extract<CloneEnd, { type: "failed" }> {
    const outcomes = this.#outcomes();
    this.#release();
    return { type: "failed", failure, outcomes };
  }

  #outcomes(): PlanOutcomes {
    return {
      prepare: this.#host.outcomes.slice(0, this.#preparedCount),
      clone: this.#cloned,
      parked: this.#preparedCount === undefined ? [] : this.#host.outcomes.slice(this.#preparedCount),
      child: this.#isReleased ? (this.#memory?.outcomes() ?? []) : [],
    };
  }

  #release(): void {
    this.#host.runAll(this.#plan.cleanup);
    this.#host[Symbol.dispose]();
    this.#kernel.attempt("close", this.#pipe.read);
    this.#kernel.attempt("close", this.#pipe.write);
    if (this.#ownPidfd !== undefined) this.#kernel.attempt("close", this.#ownPidfd);
    this.#memory?.[Symbol.dispose]();
    this.#memory = undefined;
  }
}
