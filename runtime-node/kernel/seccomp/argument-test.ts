import { type BpfAssembler, type BpfLabel, SECCOMP_DATA } from "./bpf-assembler.ts";
import type { ArgumentCondition } from "./policy.ts";

/** Emits the comparison of one argument: goes on at `matches` or at `differs`. */
export function emitArgumentTest(
  program: BpfAssembler,
  condition: ArgumentCondition,
  matches: BpfLabel,
  differs: BpfLabel,
): void {
  const { operator } = condition;
  if (operator === "ne") emitArgumentTest(program, { ...condition, operator: "eq" }, differs, matches);
  else if (operator === "lt") emitArgumentTest(program, { ...condition, operator: "ge" }, differs, matches);
  else if (operator === "le") emitArgumentTest(program, { ...condition, operator: "gt" }, differs, matches);
  else if (operator === "gt" || operator === "ge") emitOrder(program, condition, matches, differs);
  else emitEquality(program, condition, matches, differs);
}

function emitEquality(program: BpfAssembler, condition: ArgumentCondition, matches: BpfLabel, differs: BpfLabel): void {
  const mask = condition.operator === "masked-eq" ? condition.mask : undefined;
  if (condition.bits === 64) {
    const lower = program.label("equal upper halves");
    program.load(SECCOMP_DATA.argumentHigh(condition.index));
    if (mask !== undefined) program.and(upperHalf(mask));
    program.branch("equal", upperHalf(condition.value), lower, differs);
    program.place(lower);
  }
  program.load(SECCOMP_DATA.argumentLow(condition.index));
  if (mask !== undefined) program.and(lowerHalf(mask));
  program.branch("equal", lowerHalf(condition.value), matches, differs);
}

function emitOrder(program: BpfAssembler, condition: ArgumentCondition, matches: BpfLabel, differs: BpfLabel): void {
  if (condition.bits === 64) {
    const notGreater = program.label("upper half not greater");
    const lower = program.label("equal upper halves");
    program.load(SECCOMP_DATA.argumentHigh(condition.index));
    program.branch("greater", upperHalf(condition.value), matches, notGreater);
    program.place(notGreater);
    program.branch("equal", upperHalf(condition.value), lower, differs);
    program.place(lower);
  }
  program.load(SECCOMP_DATA.argumentLow(condition.index));
  const test = condition.operator === "gt" ? "greater" : "greaterOrEqual";
  program.branch(test, lowerHalf(condition.value), matches, differs);
}

const lowerHalf = (value: bigint): number => Number(BigInt.asUintN(32, value));
const upperHalf = (value: bigint): number => Number(BigInt.asUintN(32, value >> 32n));
