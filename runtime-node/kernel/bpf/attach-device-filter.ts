import { CONSTANTS } from "../constants.ts";
import { ERRNO } from "../errno.ts";
import { type Kernel, KernelError } from "../kernel.ts";
import { addressOf } from "../libc.ts";
import { assembleDeviceProgram, type DeviceRule } from "./device-program.ts";

/** bpf(2) and include/uapi/linux/bpf.h. */
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
/** Beside a program of systemd's: both must allow. */
const BPF_F_ALLOW_MULTI = 2;
const INSTRUCTION_BYTES = 8;
/** union bpf_attr up to prog_name, and up to replace_bpf_fd. */
const LOAD_BYTES = 64;
const ATTACH_BYTES = 20;
const MOST_TRIES = 5;

/**
 * From now on processes in this group of the v2 tree, and below it, use the devices that the rules allow, and no others. The program lives
 * as long as the group.
 * @throws KernelError
 */
export function attachDeviceFilter(kernel: Kernel, group: string, rules: readonly DeviceRule[]): void {
  const flags = CONSTANTS.O_RDONLY | CONSTANTS.O_DIRECTORY | CONSTANTS.O_CLOEXEC;
  const directory = kernel.call("openat", CONSTANTS.AT_FDCWD, group, flags, 0);
  try {
    const program = loadProgram(kernel, assembleDeviceProgram(rules));
    try {
      const attributes = Buffer.alloc(ATTACH_BYTES);
      [directory, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI].forEach((word, index) =>
        attributes.writeUInt32LE(word, index * 4),
      );
      kernel.call("bpf", BPF_PROG_ATTACH, attributes, attributes.byteLength);
    } finally {
      kernel.attempt("close", program);
    }
  } finally {
    kernel.attempt("close", directory);
  }
}

function loadProgram(kernel: Kernel, instructions: Uint8Array): number {
  const license = Buffer.from("Apache-2.0\0");
  const attributes = Buffer.alloc(LOAD_BYTES);
  attributes.writeUInt32LE(BPF_PROG_TYPE_CGROUP_DEVICE, 0);
  attributes.writeUInt32LE(instructions.byteLength / INSTRUCTION_BYTES, 4);
  attributes.writeBigUInt64LE(BigInt(addressOf(instructions)), 8);
  attributes.writeBigUInt64LE(BigInt(addressOf(license)), 16);
  const args = [BPF_PROG_LOAD, attributes, attributes.byteLength] as const;
  for (let tries = 1; ; tries++) {
    const program = kernel.attempt("bpf", ...args);
    if (program >= 0) return program;
    // The verifier gives up when a signal comes meanwhile (kernel/bpf/verifier.c); libbpf asks five times, too.
    if (program !== -ERRNO.EAGAIN || tries === MOST_TRIES) throw new KernelError("bpf", -program, args);
  }
}
