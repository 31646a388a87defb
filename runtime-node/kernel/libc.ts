import koffi from "koffi";

const library = koffi.load(null);
const WORD = "int64_t";
const syscall = library.func("syscall", WORD, [WORD, WORD, WORD, WORD, WORD, WORD, WORD]);

/**
 * What we take from libc, with every argument a flat 64-bit number. An address in user space has at most 47 bits and so is
 * exact as a JS number.
 */
export const libc = {
  /** syscall(2): -1 with errno set on failure. */
  syscall: syscall as (number: number, a: number, b: number, c: number, d: number, e: number, f: number) => number,
  mmap: library.func("mmap", WORD, [WORD, WORD, "int", "int", "int", WORD]) as (
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => number,
  munmap: library.func("munmap", "int", [WORD, WORD]) as (address: number, length: number) => number,
  /** malloc_trim(3): gives whole free pages of all arenas back to the kernel. */
  malloc_trim: library.func("malloc_trim", "int", [WORD]) as (pad: number) => number,
};

/** A system call of one argument on another thread; -1 when it failed, and its errno is lost. */
export function syscallOnThread(number: number, argument: number): Promise<number> {
  return new Promise((resolve, reject) => {
    syscall.async(number, argument, 0, 0, 0, 0, 0, (error: Error | null, result: number) =>
      error === null ? resolve(result) : reject(error),
    );
  });
}

/** Gives back what of malloc's memory nobody uses. */
export function trimMemory(): void {
  libc.malloc_trim(0);
}

export function lastErrno(): number {
  return koffi.errno();
}

/** The address of the memory behind a typed array; valid while the array is reachable and not resized. */
export function addressOf(data: Uint8Array): number {
  return Number(koffi.address(data));
}
