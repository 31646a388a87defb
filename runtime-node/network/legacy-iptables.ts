import { readFileSync } from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";

const AF_INET = 2;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const IPPROTO_RAW = 255;
const SOL_IP = 0;
/** linux/netfilter_ipv4/ip_tables.h */
const IPT_SO_GET_INFO = 64;
const IPT_SO_GET_ENTRIES = 65;
const TABLE_NAME_BYTES = 32;
const INFO = { bytes: 84, underflow: 56, size: 80 } as const;
const ENTRIES_HEADER_BYTES = 40;
const ENTRY_TARGET_OFFSET = 88;
const TARGET_HEADER_BYTES = 32;
/** xt_standard_target's verdict: -(NF_DROP) - 1 */
const VERDICT_DROP = -1;
const HOOK = { input: 1, forward: 2 } as const;

/**
 * The policies of iptables-legacy's filter table, which nf_tables does not list; undefined when that table is not in use. Only
 * read when it is there: asking for it would make it.
 */
export function legacyFilterPolicies(kernel: Kernel): Record<keyof typeof HOOK, "accept" | "drop"> | undefined {
  if (!legacyTables().includes("filter")) return undefined;
  const fd = kernel.call("socket", AF_INET, SOCK_RAW_CLOEXEC, IPPROTO_RAW);
  try {
    const info = readOption(kernel, fd, IPT_SO_GET_INFO, INFO.bytes);
    const size = info.readUInt32LE(INFO.size);
    const table = readOption(kernel, fd, IPT_SO_GET_ENTRIES, ENTRIES_HEADER_BYTES + size, size).subarray(
      ENTRIES_HEADER_BYTES,
    );
    const policy = (hook: number): "accept" | "drop" => {
      const entry = info.readUInt32LE(INFO.underflow + hook * 4);
      const target = entry + table.readUInt16LE(entry + ENTRY_TARGET_OFFSET);
      return table.readInt32LE(target + TARGET_HEADER_BYTES) === VERDICT_DROP ? "drop" : "accept";
    };
    return { input: policy(HOOK.input), forward: policy(HOOK.forward) };
  } finally {
    kernel.attempt("close", fd);
  }
}

function legacyTables(): string[] {
  try {
    return readFileSync("/proc/thread-self/net/ip_tables_names", "utf8").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** A getsockopt(2) whose argument names the table and, for entries, repeats their size. */
function readOption(kernel: Kernel, fd: number, option: number, bytes: number, size = 0): Buffer {
  const value = Buffer.alloc(bytes);
  value.write("filter");
  value.writeUInt32LE(size, TABLE_NAME_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes);
  kernel.call("getsockopt", fd, SOL_IP, option, value, length);
  return value;
}
