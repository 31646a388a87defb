import type { Architecture } from "../syscall-numbers.ts";

const MACHINE: Record<Architecture, number> = { x64: 62, arm64: 183 };
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CODE_OFFSET = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
const LOAD_ADDRESS = 0x400000;
/** arm64 kernels may have pages of 64 KiB. */
const LARGEST_PAGE = 0x10000;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const EXECUTE = 1;
const WRITE = 2;
const READ = 4;

/** The least static ELF64 executable around position-independent code that starts at its first byte; elf(5). */
export function executable(architecture: Architecture, code: Uint8Array): Uint8Array {
  const file = Buffer.alloc(CODE_OFFSET + code.byteLength);
  writeHeader(file, architecture);
  const whole = { offset: 0, address: LOAD_ADDRESS, size: file.byteLength, alignment: LARGEST_PAGE };
  writeProgramHeader(file, HEADER_BYTES, { type: PT_LOAD, access: READ | EXECUTE, ...whole });
  // Without this one the kernel may make the stack executable.
  const nothing = { offset: 0, address: 0, size: 0, alignment: 16 };
  writeProgramHeader(file, HEADER_BYTES + PROGRAM_HEADER_BYTES, { type: PT_GNU_STACK, access: READ | WRITE, ...nothing });
  file.set(code, CODE_OFFSET);
  return file;
}

/** Elf64_Ehdr: 64-bit, little-endian, ET_EXEC, no sections. */
function writeHeader(file: Buffer, architecture: Architecture): void {
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(MACHINE[architecture], 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS + CODE_OFFSET), 24);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  file.writeUInt16LE(HEADER_BYTES, 52);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(2, 56);
}

interface ProgramHeader {
  type: number;
  access: number;
  offset: number;
  address: number;
  size: number;
  alignment: number;
}

/** Elf64_Phdr. */
function writeProgramHeader(file: Buffer, at: number, header: ProgramHeader): void {
  const { type, access, offset, address, size, alignment } = header;
  file.writeUInt32LE(type, at);
  file.writeUInt32LE(access, at + 4);
  [offset, address, address, size, size, alignment].forEach((word, index) =>
    file.writeBigUInt64LE(BigInt(word), at + 8 + index * 8),
  );
}
