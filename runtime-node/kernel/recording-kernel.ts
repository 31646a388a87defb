import { ERRNO, type ErrnoName } from "./errno.ts";
import { type Kernel, KernelError, type SyscallArgument } from "./kernel.ts";
import type { SyscallName } from "./syscall-numbers.ts";

export interface RecordedCall {
  name: SyscallName;
  /** Bytes are a copy, as they were when the call was made. */
  args: SyscallArgument[];
}

/** A result, or the errno that the call is refused with. */
export type ScriptedAnswer = number | ErrnoName;

/**
 * For tests of what stands above `kernel/`, where the real one cannot be made to fail on demand: it records every call and answers the
 * scripted ones itself. The rest go to `behind`, or answer 0.
 */
export class RecordingKernel implements Kernel {
  readonly calls: RecordedCall[] = [];
  readonly #answers = new Map<SyscallName, ScriptedAnswer[]>();
  readonly #behind: Kernel | undefined;

  constructor(behind?: Kernel) {
    this.#behind = behind;
  }

  /** What the next calls of a name answer, one after the other; the last one stays. */
  answer(name: SyscallName, ...answers: ScriptedAnswer[]): this {
    this.#answers.set(name, answers);
    return this;
  }

  call(name: SyscallName, ...args: SyscallArgument[]): number {
    const result = this.attempt(name, ...args);
    if (result < 0 && result > -4096) throw new KernelError(name, -result, args);
    return result;
  }

  attempt(name: SyscallName, ...args: SyscallArgument[]): number {
    this.calls.push({ name, args: args.map((arg) => (arg instanceof Uint8Array ? Uint8Array.from(arg) : arg)) });
    const answers = this.#answers.get(name);
    if (answers === undefined) return this.#behind?.attempt(name, ...args) ?? 0;
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return typeof answer === "string" ? -ERRNO[answer] : (answer ?? 0);
  }

  /** The arguments of every call of a name, in order. */
  callsOf(name: SyscallName): SyscallArgument[][] {
    return this.calls.filter((call) => call.name === name).map(({ args }) => args);
  }
}
