import type { Arena } from "../arena.ts";
import { giveBackArena, takeArena } from "../arena-pool.ts";
import { ERRNO } from "../errno.ts";
import { HEADER, RECORD } from "../stub/stub.ts";
import { type Architecture, syscallNumber } from "../syscall-numbers.ts";
import { type ArgumentScope, writeArgument } from "./argument-memory.ts";
import { SECOND_PID, WAITED_FOR } from "./child-plan.ts";
import { stepBytes } from "./step-bytes.ts";
import type { Step, StepOutcome } from "./step.ts";

const STACK_BYTES = 64 * 1024;
const NOT_REACHED = -(2 ** 63);
const WORD_BYTES = 8;
const CLONE_WORDS = 11;
const POLLIN = 1;
const POLLFD_BYTES = 8;

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
  readonly #pollSlot: number;
  readonly #architecture: Architecture;
  #head: number;
  #isDisposed = false;
  /** The end of the step before, per step: `microseconds` is the difference. */
  startedAt = 0n;

  /** @param head how many steps are laid out at once; the others are before the child gets there, by {@link writeRest} */
  constructor(
    steps: readonly Step[],
    hostResults: ReadonlyMap<string, number>,
    architecture: Architecture,
    head = steps.length,
  ) {
    this.#steps = steps;
    this.#architecture = architecture;
    this.#head = head;
    this.arena = takeArena(arenaBytes(steps));
    this.arena.reserve(HEADER.size);
    this.#pidSlot = this.arena.reserve(WORD_BYTES);
    this.#pidfdSlot = this.arena.reserve(WORD_BYTES);
    this.#secondPidSlot = this.arena.reserve(WORD_BYTES);
    this.#pollSlot = this.arena.reserve(2 * POLLFD_BYTES);
    this.#firstRecord = this.arena.reserve(steps.length * RECORD.size, 16);
    this.arena.setWord(HEADER.firstRecord, this.arena.address + this.#firstRecord);
    this.arena.setWord(HEADER.fullMask, -1);
    this.arena.setWord(HEADER.cloneResult, NOT_REACHED);
    this.#writeRecords(0, head, hostResults);
  }

  /** Lays out what was left, with the results that there are by now. */
  writeRest(hostResults: ReadonlyMap<string, number>): void {
    this.#writeRecords(this.#head, this.#steps.length, hostResults);
    this.#head = this.#steps.length;
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
    const result = this.arena.word(HEADER.cloneResult);
    return result === NOT_REACHED ? undefined : result;
  }

  /** The step the child gave up at. */
  get failedStep(): Step | undefined {
    const address = this.arena.word(HEADER.failedRecord);
    if (address === 0) return undefined;
    return this.#steps[(address - this.arena.address - this.#firstRecord) / RECORD.size];
  }

  /** poll(2): readable is the release, or the end of the process behind the pidfd. */
  writePoll(releasePipe: number, pidfd: number): void {
    for (const [index, fd] of [releasePipe, pidfd].entries()) {
      const at = this.#pollSlot + index * POLLFD_BYTES;
      this.arena.view.setInt32(at, fd, true);
      this.arena.view.setInt16(at + 4, POLLIN, true);
    }
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
    const start = arena.reserve(CLONE_WORDS * WORD_BYTES);
    words.forEach((word, index) => arena.setWord(start + index * WORD_BYTES, word));
    arena.setWord(HEADER.cloneArguments, arena.address + start);
    arena.setWord(HEADER.cloneArgumentsSize, CLONE_WORDS * WORD_BYTES);
  }

  /** The result word of a step; undefined when the child did not get there. */
  resultOf(name: string): number | undefined {
    return this.#resultAt(this.#steps.findIndex((step) => step.name === name));
  }

  /** How each step went, in order. */
  outcomes(): StepOutcome[] {
    let before = Number(this.startedAt) / 1000;
    return this.#steps.map((_, index): StepOutcome => {
      const record = this.#record(index);
      const result = this.#resultAt(index);
      const seconds = this.arena.word(record + RECORD.afterSeconds);
      if (result === undefined || seconds === 0) return { result: result ?? null, microseconds: null };
      const after = seconds * 1e6 + this.arena.word(record + RECORD.afterNanoseconds) / 1000;
      const microseconds = Math.round((after - before) * 1000) / 1000;
      before = after;
      return { result, microseconds };
    });
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    giveBackArena(this.arena);
  }

  /** The addresses that have a name. */
  #slotOf(name: string): number | undefined {
    if (name === SECOND_PID) return this.arena.address + this.#secondPidSlot;
    return name === WAITED_FOR ? this.arena.address + this.#pollSlot : undefined;
  }

  #record(index: number): number {
    return this.#firstRecord + index * RECORD.size;
  }

  #resultAt(index: number): number | undefined {
    const result = this.arena.word(this.#record(index) + RECORD.result);
    return result === NOT_REACHED ? undefined : result;
  }

  #writeRecords(first: number, end: number, hostResults: ReadonlyMap<string, number>): void {
    const waiting = new Map<string, number[]>();
    const scope: ArgumentScope = {
      resultOf: (name) => this.#slotOf(name) ?? hostResults.get(name),
      fillLater: (name, address) => {
        const addresses = waiting.get(name);
        if (addresses === undefined) waiting.set(name, [address]);
        else addresses.push(address);
      },
    };
    // Backwards, so that what a later step waits for is known when its step is written.
    for (let index = end - 1; index >= first; index--) {
      const step = this.#steps[index] as Step;
      const addresses = waiting.get(step.name);
      waiting.delete(step.name);
      this.#writeRecord(index, step, scope);
      if (addresses !== undefined) this.arena.setWord(this.#record(index) + RECORD.stores, this.#storeList(addresses));
    }
    if (waiting.size > 0) throw new RangeError(`no step before its use is named "${[...waiting.keys()].join('", "')}"`);
  }

  /** What a record leaves out is 0: the arena's zeros. */
  #writeRecord(index: number, step: Step, scope: ArgumentScope): void {
    const { arena } = this;
    const { call, args, atLeast, tolerate, branch } = step;
    const record = this.#record(index);
    const number = syscallNumber(call, this.#architecture);
    if (number === undefined) throw new RangeError(`${call} does not exist on ${this.#architecture}`);
    arena.setWord(record + RECORD.number, number);
    for (let position = 0; position < args.length; position++)
      writeArgument(arena, record + RECORD.arguments + position * WORD_BYTES, args[position]!, scope);
    arena.setWord(record + RECORD.result, NOT_REACHED);
    if (atLeast !== undefined) arena.setWord(record + RECORD.atLeast, atLeast);
    if (tolerate !== undefined) {
      const list = this.#storeList(tolerate.map((name) => -ERRNO[name]));
      arena.setWord(record + RECORD.tolerated, list);
    }
    if (branch !== undefined) arena.setWord(record + RECORD.branch, this.#branchTarget(step.name, branch));
  }

  /** A zero-terminated list of words. */
  #storeList(words: readonly number[]): number {
    const start = this.arena.reserve((words.length + 1) * WORD_BYTES);
    words.forEach((word, index) => this.arena.setWord(start + index * WORD_BYTES, word));
    return this.arena.address + start;
  }

  #branchTarget(name: string, branch: string): number {
    const target = this.#steps.findIndex((step) => step.name === branch);
    if (target === -1) throw new RangeError(`"${name}" branches to "${branch}", which is no step`);
    return this.arena.address + this.#record(target);
  }
}

/** Room for everything. */
function arenaBytes(steps: readonly Step[]): number {
  const content = steps.reduce((sum, step) => sum + RECORD.size + stepBytes(step), 0);
  return content + HEADER.size + STACK_BYTES + 2 * 4096;
}
