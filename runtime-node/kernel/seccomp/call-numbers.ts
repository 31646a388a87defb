import { type Architecture, SYSCALL_NUMBERS } from "../syscall-numbers.ts";
import { COMPAT_SYSCALL_NUMBERS, X32_ABSENT, X32_OWN_NUMBERS } from "./compat-syscall-numbers.ts";

/** Calls whose numbers were given out in one ascending sequence: the highest is the newest. */
export type CallNumbers = ReadonlyMap<string, number>;

/** One value of seccomp_data.arch, with every call table that it covers. */
export interface AuditArchitecture {
  /** AUDIT_ARCH_…, include/uapi/linux/audit.h. */
  token: number;
  tables: readonly CallNumbers[];
}

const X32_BIT = 0x40000000;
const ARM_PRIVATE_BASE = 0xf0000;

const x64Numbers = column(SYSCALL_NUMBERS, 0);
const arm64Numbers = column(SYSCALL_NUMBERS, 1);
const i386Numbers = column(COMPAT_SYSCALL_NUMBERS, 0);
const armNumbers = column(COMPAT_SYSCALL_NUMBERS, 1, (number) => number < ARM_PRIVATE_BASE);
/** A table of their own, so that their high numbers do not count as the newest calls of arm. */
const armPrivateNumbers = column(COMPAT_SYSCALL_NUMBERS, 1, (number) => number >= ARM_PRIVATE_BASE);

/** x32 shares x86-64's audit value and is told apart by bit 30 of the number. */
const x32Numbers: CallNumbers = new Map(
  [...x64Numbers]
    .filter(([name]) => !X32_ABSENT.has(name) && !(name in X32_OWN_NUMBERS))
    .map(([name, number]) => [name, number + X32_BIT]),
);
/** A table of their own (512 to 547, old calls all), as for arm's private ones. */
const x32OwnNumbers: CallNumbers = new Map(
  Object.entries(X32_OWN_NUMBERS).map(([name, number]) => [name, number + X32_BIT]),
);

/** The node's own instruction set first, then the 32-bit ones that its kernel also runs. */
export const AUDIT_ARCHITECTURES: Readonly<Record<Architecture, readonly AuditArchitecture[]>> = {
  x64: [
    { token: 0xc000003e, tables: [x64Numbers, x32Numbers, x32OwnNumbers] },
    { token: 0x40000003, tables: [i386Numbers] },
  ],
  arm64: [
    { token: 0xc00000b7, tables: [arm64Numbers] },
    { token: 0x40000028, tables: [armNumbers, armPrivateNumbers] },
  ],
};

function column(
  table: Record<string, readonly [number, number]>,
  index: 0 | 1,
  belongs: (number: number) => boolean = () => true,
): CallNumbers {
  return new Map(
    Object.entries(table)
      .map(([name, numbers]) => [name, numbers[index]] as const)
      .filter(([, number]) => number >= 0 && belongs(number)),
  );
}
