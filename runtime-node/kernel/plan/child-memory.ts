import { Arena } from "../arena.ts";
import { ERRNO } from "../errno.ts";
import { HEADER, RECORD } from "../stub/stub.ts";
import { type Architecture, syscallNumber } from "../syscall-numbers.ts";
import { type ArgumentScope, writeArgument } from "./argument-memory.ts";
import { SECOND_PID } from "./child-plan.ts";
import type { Step, StepOutcome } from "./step.ts";

const STACK_BYTES = 64 * 1024;
const NOT_REACHED = -(2n ** 63n);
const NAMESPACE_CLONE_WORDS = 11;

/**
 * A child's steps as the stub walks them: header, records, the strings and structs they point at, and the child's stack, in
 * one arena. The child shares this memory until it execs, so every result is read from here.
 */
export class ChildMemory implements Disposable {
  readonly arena: Arena;
  readonly #steps: readonly Step[];
  readonly #firstRecord: number;
  readonly #pidSlot: number;
  readonly #pidfdSlot: number;
  readonly #secondPidSlot: number;
  /** The end of the step before, per step: `microseconds` is the difference. */
  startedAt = 0n;

  constructor(steps: readonly Step[], hostResults: ReadonlyMap<string, number>, architecture: Architecture) {
    this.#steps = steps;
    this.arena = new Arena(arenaBytes(steps));
    this.arena.reserve(HEADER.size);
    this.#pidSlot = this.arena.reserve(8);
    this.#pidfdSlot = this.arena.reserve(8);
    this.#secondPidSlot = this.arena.reserve(8);
    this.#firstRecord = this.arena.reserve(steps.length * RECORD.size, 16);
    const { view, address } = this.arena;
    view.setBigInt64(HEADER.firstRecord, BigInt(address + this.#firstRecord), true);
    view.setBigInt64(HEADER.fullMask, -1n, true);
    view.setBigInt64(HEADER.cloneResult, NOT_REACHED, true);
    this.#writeRecords(hostResults, architecture);
  }

  get headerAddress(): number {
    return this.arena.address;
  }

  /** The child's pid as this process sees it, 0 until clone3 stored it (CLONE_PARENT_SETTID: before the child runs). */
  get pid(): number {
    return this.arena.view.getInt32(this.#pidSlot, true);
  }

  /** The second clone's pid as this process sees it, 0 until that is stored: before the second child runs. */
  get secondPid(): number {
    return this.arena.view.getInt32(this.#secondPidSlot, true);
  }

  get pidfd(): number {
    return this.arena.view.getInt32(this.#pidfdSlot, true);
  }

  /** What clone3 returned to the parent, or undefined while it has not. */
  get cloneResult(): number | undefined {
    const result = this.arena.view.getBigInt64(HEADER.cloneResult, true);
    return result === NOT_REACHED ? undefined : Number(result);
  }

  /** The step the child gave up at. */
  get failedStep(): Step | undefined {
    const address = Number(this.arena.view.getBigInt64(HEADER.failedRecord, true));
    if (address === 0) return undefined;
    return this.#steps[(address - this.arena.address - this.#firstRecord) / RECORD.size];
  }

  /** clone3(2)'s arguments: `struct clone_args` up to `cgroup`, 88 bytes. */
  writeCloneArguments(flags: number, exitSignal: number, cgroupFd: number | undefined): void {
    const { arena } = this;
    const stack = arena.reserve(STACK_BYTES, 4096);
    const words = [
      flags,
      arena.address + this.#pidfdSlot,
      0,
      arena.address + this.#pidSlot,
      exitSignal,
      arena.address + stack,
      STACK_BYTES,
      0,
      0,
      0,
      cgroupFd ?? 0,
    ];
    const start = arena.reserve(NAMESPACE_CLONE_WORDS * 8);
    words.forEach((word, index) => arena.view.setBigInt64(start + index * 8, BigInt(word), true));
    arena.view.setBigInt64(HEADER.cloneArguments, BigInt(arena.address + start), true);
    arena.view.setBigInt64(HEADER.cloneArgumentsSize, BigInt(NAMESPACE_CLONE_WORDS * 8), true);
  }

  /** The result word of a step; undefined when the child did not get there. */
  resultOf(name: string): number | undefined {
    const index = this.#steps.findIndex((step) => step.name === name);
    const result = this.arena.view.getBigInt64(this.#record(index) + RECORD.result, true);
    return result === NOT_REACHED ? undefined : Number(result);
  }

  /** How each step went, in order. */
  outcomes(): StepOutcome[] {
    let before = this.startedAt;
    return this.#steps.map((step, index): StepOutcome => {
      const record = this.#record(index);
      const { view } = this.arena;
      const result = this.resultOf(step.name);
      const after =
        view.getBigInt64(record + RECORD.afterSeconds, true) * 1_000_000_000n +
        view.getBigInt64(record + RECORD.afterNanoseconds, true);
      if (result === undefined || after === 0n) return { result: result ?? null, microseconds: null };
      const microseconds = Number(after - before) / 1000;
      before = after;
      return { result, microseconds };
    });
  }

  [Symbol.dispose](): void {
    this.arena[Symbol.dispose]();
  }

  #record(index: number): number {
    return this.#firstRecord + index * RECORD.size;
  }

  #writeRecords(hostResults: ReadonlyMap<string, number>, architecture: Architecture): void {
    const waiting = new Map<string, number[]>();
    const scope: ArgumentScope = {
      resultOf: (name) => (name === SECOND_PID ? this.arena.address + this.#secondPidSlot : hostResults.get(name)),
      fillLater: (name, address) => waiting.set(name, [...(waiting.get(name) ?? []), address]),
    };
    // Backwards, so that what a later step waits for is known when its step is written.
    for (let index = this.#steps.length - 1; index >= 0; index--) {
      const step = this.#steps[index] as Step;
      const addresses = waiting.get(step.name) ?? [];
      waiting.delete(step.name);
      this.#writeRecord(index, step, scope, architecture);
      this.arena.view.setBigInt64(this.#record(index) + RECORD.stores, BigInt(this.#storeList(addresses)), true);
    }
    if (waiting.size > 0) throw new RangeError(`no step before its use is named "${[...waiting.keys()].join('", "')}"`);
  }

  #writeRecord(index: number, step: Step, scope: ArgumentScope, architecture: Architecture): void {
    const { view } = this.arena;
    const record = this.#record(index);
    const number = syscallNumber(step.call, architecture);
    if (number === undefined) throw new RangeError(`${step.call} does not exist on ${architecture}`);
    view.setBigInt64(record + RECORD.number, BigInt(number), true);
    step.args.forEach((argument, position) => {
      writeArgument(this.arena, record + RECORD.arguments + position * 8, argument, scope);
    });
    view.setBigInt64(record + RECORD.result, NOT_REACHED, true);
    view.setBigInt64(record + RECORD.atLeast, BigInt(step.atLeast ?? 0), true);
    view.setBigInt64(
      record + RECORD.tolerated,
      BigInt(this.#storeList((step.tolerate ?? []).map((name) => -ERRNO[name]))),
      true,
    );
    view.setBigInt64(record + RECORD.branch, BigInt(this.#branchTarget(step)), true);
  }

  /** A zero-terminated list of words; the address 0 stands for an empty one. */
  #storeList(words: readonly number[]): number {
    if (words.length === 0) return 0;
    const start = this.arena.reserve((words.length + 1) * 8);
    words.forEach((word, index) => this.arena.view.setBigInt64(start + index * 8, BigInt(word), true));
    return this.arena.address + start;
  }

  #branchTarget({ branch, name }: Step): number {
    if (branch === undefined) return 0;
    const target = this.#steps.findIndex((step) => step.name === branch);
    if (target === -1) throw new RangeError(`"${name}" branches to "${branch}", which is no step`);
    return this.arena.address + this.#record(target);
  }
}

/** Room for everything: JSON text is never shorter than the strings in it, and the rest is words. */
function arenaBytes(steps: readonly Step[]): number {
  const data = JSON.stringify(steps).length * 2;
  return Math.ceil((data + steps.length * (RECORD.size + 128) + STACK_BYTES * 2 + 4096) / 4096) * 4096;
}
