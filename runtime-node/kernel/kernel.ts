import { ERRNO, type ErrnoName, errnoName } from "./errno.ts";
import type { SyscallName } from "./syscall-numbers.ts";

/**
 * One argument of a system call: a number (an fd, flags, an address), a string (passed as a NUL-terminated path) or bytes
 * (passed by address: the kernel reads from them and writes into them).
 */
export type SyscallArgument = number | bigint | string | Uint8Array | null;

/**
 * The system calls of this thread. Everything above `kernel/` takes this interface, so that a recording fake
 * (`recording-kernel.ts`) can stand in where the real kernel cannot be made to fail on demand.
 */
export interface Kernel {
  /** Makes the call; throws a {@link KernelError} when the kernel refuses it. */
  call(name: SyscallName, ...args: SyscallArgument[]): number;
  /** Makes the call; returns the result, or the negated errno. */
  attempt(name: SyscallName, ...args: SyscallArgument[]): number;
}

/** The kernel refused a system call. Match on `errno`, never on the text. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly code = "SLIPWAY_KERNEL_REFUSED";
  readonly syscall: SyscallName;
  readonly errno: ErrnoName | `E${number}`;

  constructor(syscall: SyscallName, errnoNumber: number, args: readonly SyscallArgument[]) {
    const errno = errnoName(errnoNumber);
    super(`${syscall}(${args.map(formatArgument).join(", ")}) = -1 ${errno}`);
    this.syscall = syscall;
    this.errno = errno;
  }
}

/** True for a {@link KernelError} with one of these errnos. */
export function isErrno(error: unknown, ...names: ErrnoName[]): boolean {
  return error instanceof KernelError && (names as string[]).includes(error.errno);
}

/** True when the result of `attempt` is this errno. */
export function failedWith(result: number, name: ErrnoName): boolean {
  return result === -ERRNO[name];
}

function formatArgument(argument: SyscallArgument): string {
  if (argument === null) return "NULL";
  if (typeof argument === "string") return JSON.stringify(argument);
  if (argument instanceof Uint8Array) return `{${argument.byteLength} bytes}`;
  return typeof argument === "number" && argument > 0xffff ? `0x${argument.toString(16)}` : String(argument);
}
