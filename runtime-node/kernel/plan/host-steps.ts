import { CONSTANTS } from "../constants.ts";
import { giveBackArena, takeArena } from "../arena-pool.ts";
import type { Arena } from "../arena.ts";
import { ERRNO } from "../errno.ts";
import { type Kernel, KernelError } from "../kernel.ts";
import { type ArgumentScope, writeArgument } from "./argument-memory.ts";
import type { HostStep, IdMap, StepOutcome } from "./step.ts";

/** Room for one step's strings and structs. */
const ARGUMENT_BYTES = 64 * 1024;

/** Fds that outlive a plan and stay their owner's. */
export interface LastingFds {
  userNamespace(map: IdMap): number;
  /** The pidfd of a running child; throws when there is none. */
  pidfd(child: string): number;
}

/** A host step failed; `outcomes` tells how far the plan came. */
export class HostStepError extends Error {
  override readonly name = "HostStepError";
  readonly step: HostStep;

  constructor(step: HostStep, cause: unknown) {
    super(`${step.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.step = step;
  }
}

/**
 * Makes host steps on this thread and keeps their results and fds. Disposal closes the fds that steps opened, last first.
 */
export class HostStepRunner implements Disposable {
  readonly results = new Map<string, number>();
  readonly outcomes: StepOutcome[] = [];
  pid: number | undefined;
  readonly #kernel: Kernel;
  readonly #lasting: LastingFds;
  readonly #opened: number[] = [];
  #arena: Arena | undefined = takeArena(ARGUMENT_BYTES);

  constructor(kernel: Kernel, lasting: LastingFds) {
    this.#kernel = kernel;
    this.#lasting = lasting;
  }

  /** Makes the steps in order; throws a {@link HostStepError} at the first that fails. */
  run(steps: readonly HostStep[]): void {
    for (const step of steps) this.#runStep(step);
  }

  /** Makes every step, whatever becomes of the others; returns the errors. */
  runAll(steps: readonly HostStep[]): Error[] {
    const errors: Error[] = [];
    for (const step of steps) {
      try {
        this.#runStep(step);
      } catch (error) {
        errors.push(error as Error);
      }
    }
    return errors;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#opened.splice(0).toReversed()) this.#kernel.attempt("close", fd);
    if (this.#arena !== undefined) giveBackArena(this.#arena);
    this.#arena = undefined;
  }

  #runStep(step: HostStep): void {
    const before = process.hrtime.bigint();
    let result: number;
    try {
      result = this.#perform(step);
    } catch (error) {
      const errno = error instanceof KernelError ? ERRNO[error.errno as keyof typeof ERRNO] : undefined;
      this.#record(step, errno === undefined ? null : -errno, before);
      if (error instanceof KernelError && isTolerated(step, error)) return;
      throw new HostStepError(step, error);
    }
    this.#record(step, result, before);
    if (step.kind === "call" && step.opens === true) this.#opened.push(result);
  }

  #record(step: HostStep, result: number | null, before: bigint): void {
    if (result !== null) this.results.set(step.name, result);
    this.outcomes.push({ result, microseconds: Number(process.hrtime.bigint() - before) / 1000 });
  }

  #perform(step: HostStep): number {
    switch (step.kind) {
      case "call":
        return this.#call(step);
      case "write":
        return this.#write(this.#withPid(step.path), this.#withPid(step.text));
      case "user-namespace":
        return this.#lasting.userNamespace(step.map);
      case "pidfd":
        return this.#lasting.pidfd(step.child);
    }
  }

  #call(step: Extract<HostStep, { kind: "call" }>): number {
    const arena = this.#arena;
    if (arena === undefined) throw new Error("the steps' memory was given back");
    arena.rewind();
    const words = arena.reserve(6 * 8);
    const scope: ArgumentScope = {
      resultOf: (name) => this.results.get(name),
      fillLater: (name) => {
        throw new RangeError(`"${step.name}" uses the result of "${name}", which has none`);
      },
      ...(this.pid === undefined ? {} : { pid: this.pid }),
    };
    step.args.forEach((argument, index) => writeArgument(arena, words + index * 8, argument, scope));
    const word = (index: number): number => (index < step.args.length ? arena.word(words + index * 8) : 0);
    return this.#kernel.call(step.call, word(0), word(1), word(2), word(3), word(4), word(5));
  }

  #write(path: string, text: string): number {
    const flags = CONSTANTS.O_WRONLY | CONSTANTS.O_CLOEXEC;
    const fd = this.#kernel.call("openat", CONSTANTS.AT_FDCWD, path, flags, 0);
    try {
      return this.#kernel.call("write", fd, Buffer.from(text), Buffer.byteLength(text));
    } finally {
      this.#kernel.call("close", fd);
    }
  }

  #withPid(text: string): string {
    return text.replace("{pid}", String(this.pid));
  }
}

function isTolerated(step: HostStep, error: KernelError): boolean {
  return "tolerate" in step && ((step.tolerate as string[] | undefined)?.includes(error.errno) ?? false);
}
