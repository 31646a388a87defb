import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SYSCALL_NUMBERS } from "./syscall-numbers.ts";

const GENERIC = "/usr/include/asm-generic/unistd.h";
const X86_64 = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
/** Names in the generic header that are no calls. */
const NOT_CALLS = ["syscalls", "arch_specific_syscall"];
/** The calls with a 64-bit time for 32-bit architectures. */
const isOnlyFor32Bits = (number: number): boolean => number >= 403 && number <= 423;
/** Given out of order: newer than the calls around it. */
const NEWER_THAN_ITS_NUMBER = ["uretprobe"];

function definitions(header: string): Map<string, number> {
  const text = readFileSync(header, "utf8");
  const direct = [...text.matchAll(/^#define\s+__NR(?:3264)?_(\w+)\s+(\d+)\s*$/gm)];
  const numbers = new Map(direct.map(([, name = "", number]) => [name, Number(number)]));
  // `#define __NR_newfstatat __NR3264_fstatat`: the first such line of a name is the 64-bit one.
  for (const [, name = "", other = ""] of [...text.matchAll(/^#define\s+__NR_(\w+)\s+__NR3264_(\w+)/gm)].toReversed()) {
    numbers.set(name, numbers.get(other) ?? -1);
  }
  for (const name of NOT_CALLS) numbers.delete(name);
  return numbers;
}

function compare(header: string, column: 0 | 1): void {
  const theirs = definitions(header);
  const newest = Math.max(...theirs.values());
  const ours = Object.entries(SYSCALL_NUMBERS).map(([name, numbers]) => [name, numbers[column]] as const);
  const judged = ours.filter(([name, number]) => number <= newest && !NEWER_THAN_ITS_NUMBER.includes(name));
  const differing = judged.filter(([name, number]) => (theirs.get(name) ?? -1) !== number);
  expect(differing).toEqual([]);
  const known = new Set<number>(ours.map(([, number]) => number));
  expect([...theirs].filter(([, number]) => !known.has(number) && !isOnlyFor32Bits(number))).toEqual([]);
  expect(ours.length).toBeGreaterThan(300);
}

describe("the numbers of system calls", () => {
  it("are the same everywhere from 424 on, and arm64 has none of the old calls beyond", () => {
    const newer = Object.entries(SYSCALL_NUMBERS).filter(([, numbers]) => Math.max(...numbers) >= 424);
    expect(newer.filter(([, [x64, arm64]]) => x64 !== arm64)).toEqual([]);
    expect(newer.length).toBeGreaterThan(40);
  });

  it.skipIf(!existsSync(X86_64))("are the header's on x86-64 (skipped without linux-libc-dev of it)", () => {
    compare(X86_64, 0);
  });

  it.skipIf(!existsSync(GENERIC))("are the generic header's on arm64 (skipped without linux-libc-dev)", () => {
    compare(GENERIC, 1);
  });
});
