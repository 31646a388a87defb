import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SYSCALL_NUMBERS } from "./syscall-numbers.ts";

const GENERIC = "/usr/include/asm-generic/unistd.h";
const X86_64 = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
/** Names in the generic header that are no calls, or the 32-bit architectures' only (their numbers end at 423). */
const NOT_CALLS = ["syscalls", "arch_specific_syscall"];
/** Given out of order: newer than the calls around it. */
const NEWER_THAN_ITS_NUMBER = ["uretprobe"];
const isOnlyFor32Bits = (name: string): boolean => name.endsWith("_time64") || /^(clock|timer|timerfd)_.*64$/.test(name);

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
  const ourNumbers = new Map<string, number>(ours);
  const judged = ours.filter(([name, number]) => number <= newest && !NEWER_THAN_ITS_NUMBER.includes(name));
  const differing = judged.filter(([name, number]) => (theirs.get(name) ?? -1) !== number);
  expect(differing).toEqual([]);
  const missing = [...theirs.keys()].filter((name) => !ourNumbers.has(name));
  expect(missing.filter((name) => column === 0 || !isOnlyFor32Bits(name))).toEqual([]);
  expect(ours.length).toBeGreaterThan(300);
}

describe("the numbers of system calls", () => {
  it.skipIf(!existsSync(X86_64))("are the header's on x86-64 (skipped without linux-libc-dev of it)", () => {
    compare(X86_64, 0);
  });

  it.skipIf(!existsSync(GENERIC))("are the generic header's on arm64 (skipped without linux-libc-dev)", () => {
    compare(GENERIC, 1);
  });
});
