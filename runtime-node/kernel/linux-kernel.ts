import { Arena } from "./arena.ts";
import { type Kernel, KernelError, type SyscallArgument } from "./kernel.ts";
import { addressOf, lastErrno, libc } from "./libc.ts";
import { type Architecture, SYSCALL_NUMBERS, type SyscallName } from "./syscall-numbers.ts";

const SCRATCH_BYTES = 256 * 1024;

/** The architecture this process runs on. */
export const ARCHITECTURE: Architecture = process.arch === "arm64" ? "arm64" : "x64";
const NUMBER_COLUMN = ARCHITECTURE === "x64" ? 0 : 1;

/** The real kernel, called on the thread that calls us. */
export class LinuxKernel implements Kernel {
  readonly #scratch = new Arena(SCRATCH_BYTES);

  call(name: SyscallName, ...args: SyscallArgument[]): number {
    const result = this.attempt(name, ...args);
    if (result < 0 && result > -4096) throw new KernelError(name, -result, args);
    return result;
  }

  attempt(name: SyscallName, ...args: SyscallArgument[]): number {
    const number = SYSCALL_NUMBERS[name][NUMBER_COLUMN];
    if (number < 0) throw new RangeError(`${name} does not exist on ${ARCHITECTURE}`);
    this.#scratch.rewind();
    const word = (index: number): number => this.#toWord(args[index]);
    const result = libc.syscall(number, word(0), word(1), word(2), word(3), word(4), word(5));
    return result === -1 ? -lastErrno() : result;
  }

  #toWord(argument: SyscallArgument | undefined): number {
    if (typeof argument === "number") return argument;
    if (argument === undefined || argument === null) return 0;
    if (typeof argument === "string") return this.#scratch.storeString(argument);
    if (typeof argument === "bigint") return Number(BigInt.asIntN(64, argument));
    return argument.byteLength === 0 ? 0 : addressOf(argument);
  }
}
