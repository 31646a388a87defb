import { ERRNO } from "../errno.ts";
import { emitArgumentTest } from "./argument-test.ts";
import { BpfAssembler, type BpfLabel, SECCOMP_DATA } from "./bpf-assembler.ts";
import { AUDIT_ARCHITECTURES, type AuditArchitecture } from "./call-numbers.ts";
import type { SeccompAction, SeccompPolicy } from "./policy.ts";
import { type FilterTarget, type Run, type Verdict, verdictRuns } from "./verdicts.ts";

const RET_KILL_PROCESS = 0x80000000;
const RET_ERRNO = 0x00050000;
const RET_ALLOW = 0x7fff0000;

/**
 * Compiles a policy into a seccomp filter: struct sock_filter[] for seccomp(SECCOMP_SET_MODE_FILTER), 8 bytes an instruction.
 * For each architecture it is one balanced search over runs of neighbouring numbers with the same verdict, so every call
 * passes about seven comparisons (and on x86-64 and arm64 none at all: the kernel remembers which numbers a filter always
 * allows, seccomp_cache_prepare in kernel/seccomp.c).
 */
export function compileSeccomp(policy: SeccompPolicy, target: FilterTarget): Uint8Array {
  const program = new BpfAssembler();
  program.load(SECCOMP_DATA.architecture);
  for (const audit of AUDIT_ARCHITECTURES[target.architecture]) {
    const here = program.label("this architecture");
    const next = program.label("next architecture");
    program.branch("equal", audit.token, here, next);
    program.place(here);
    new ArchitectureSection(program).emit(policy, target, audit);
    program.place(next);
  }
  program.answer(returnValue(policy.unknownArchitectureAction));
  return program.assemble();
}

/** The search and the answers for one audit architecture. */
class ArchitectureSection {
  readonly #program: BpfAssembler;
  readonly #answers = new Map<number, BpfLabel>();
  readonly #verdicts = new Map<Verdict, BpfLabel>();

  constructor(program: BpfAssembler) {
    this.#program = program;
  }

  emit(policy: SeccompPolicy, target: FilterTarget, audit: AuditArchitecture): void {
    this.#program.load(SECCOMP_DATA.number);
    this.#emitSearch(verdictRuns(policy, target, audit));
    for (const [verdict, label] of this.#verdicts) this.#emitCases(verdict, label);
    for (const [value, label] of this.#answers) {
      this.#program.place(label);
      this.#program.answer(value);
    }
  }

  #emitSearch(runs: readonly Run[]): void {
    const middle = Math.ceil(runs.length / 2);
    const [lower, upper] = [runs.slice(0, middle), runs.slice(middle)];
    const [lowerLabel, upperLabel] = [this.#entry(lower), this.#entry(upper)];
    this.#program.branch("greaterOrEqual", upper[0]?.start ?? 0, upperLabel, lowerLabel);
    for (const [half, label] of [[lower, lowerLabel] as const, [upper, upperLabel] as const]) {
      if (half.length < 2) continue;
      this.#program.place(label);
      this.#emitSearch(half);
    }
  }

  /** Where to go on for these runs: a single one has its verdict's label, several need a search of their own. */
  #entry(runs: readonly Run[]): BpfLabel {
    const [only, ...more] = runs;
    return only === undefined || more.length > 0 ? this.#program.label("search") : this.#verdictLabel(only.verdict);
  }

  #verdictLabel(verdict: Verdict): BpfLabel {
    if (verdict.cases.length === 0) return this.#answerLabel(verdict.otherwise);
    return getOrMake(this.#verdicts, verdict, () => this.#program.label("arguments"));
  }

  #answerLabel(action: SeccompAction): BpfLabel {
    return getOrMake(this.#answers, returnValue(action), () => this.#program.label("answer"));
  }

  #emitCases(verdict: Verdict, label: BpfLabel): void {
    this.#program.place(label);
    verdict.cases.forEach(({ conditions, action }, index) => {
      const isLast = index === verdict.cases.length - 1;
      const differs = isLast ? this.#answerLabel(verdict.otherwise) : this.#program.label("next case");
      conditions.forEach((condition, position) => {
        const isFinal = position === conditions.length - 1;
        const matches = isFinal ? this.#answerLabel(action) : this.#program.label("next condition");
        emitArgumentTest(this.#program, condition, matches, differs);
        if (!isFinal) this.#program.place(matches);
      });
      if (!isLast) this.#program.place(differs);
    });
  }
}

function returnValue(action: SeccompAction): number {
  if (action === "allow") return RET_ALLOW;
  return action === "kill-process" ? RET_KILL_PROCESS : RET_ERRNO | ERRNO[action.errno];
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
