/** Every capability and its number (capabilities(7), include/uapi/linux/capability.h up to Linux 6.18), without CAP_. */
export const CAPABILITIES = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  LINUX_IMMUTABLE: 9,
  NET_BIND_SERVICE: 10,
  NET_BROADCAST: 11,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  IPC_OWNER: 15,
  SYS_MODULE: 16,
  SYS_RAWIO: 17,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_PACCT: 20,
  SYS_ADMIN: 21,
  SYS_BOOT: 22,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  SYS_TIME: 25,
  SYS_TTY_CONFIG: 26,
  MKNOD: 27,
  LEASE: 28,
  AUDIT_WRITE: 29,
  AUDIT_CONTROL: 30,
  SETFCAP: 31,
  MAC_OVERRIDE: 32,
  MAC_ADMIN: 33,
  SYSLOG: 34,
  WAKE_ALARM: 35,
  BLOCK_SUSPEND: 36,
  AUDIT_READ: 37,
  PERFMON: 38,
  BPF: 39,
  CHECKPOINT_RESTORE: 40,
} as const;

export type CapabilityName = keyof typeof CAPABILITIES;

/** All names, in the order of their numbers. */
export const CAPABILITY_NAMES: readonly CapabilityName[] = Object.keys(CAPABILITIES).filter(isCapabilityName);

/** The set that Docker gives a container which asks for nothing. */
export const DEFAULT_CAPABILITIES: readonly CapabilityName[] = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SYS_CHROOT",
  "MKNOD",
  "AUDIT_WRITE",
  "SETFCAP",
];

/** A cap_add or cap_drop names a capability that Linux does not have. */
export class UnknownCapabilityError extends Error {
  override readonly name = "UnknownCapabilityError";
  readonly code = "SLIPWAY_KERNEL_UNKNOWN_CAPABILITY";
  readonly capability: string;

  constructor(capability: string) {
    super(`there is no capability ${JSON.stringify(capability)}; there are ALL, ${CAPABILITY_NAMES.join(", ")}`);
    this.capability = capability;
  }
}

/**
 * Docker's rule for cap_add and cap_drop on top of the default set: an added ALL is everything but what is dropped by name;
 * a dropped ALL leaves only what is added; otherwise first drop, then add. Names in any case, with or without CAP_. The
 * answer is in the order of the numbers. Throws {@link UnknownCapabilityError}.
 */
export function resolveCapabilities(wanted: { add?: readonly string[]; drop?: readonly string[] }): CapabilityName[] {
  const add = new Set((wanted.add ?? []).map(parseCapability));
  const drop = new Set((wanted.drop ?? []).map(parseCapability));
  const base = new Set(DEFAULT_CAPABILITIES);
  return CAPABILITY_NAMES.filter((name) => {
    if (add.has("ALL")) return !drop.has(name);
    return add.has(name) || (base.has(name) && !drop.has(name) && !drop.has("ALL"));
  });
}

/** The bits that capset(2) and /proc/<pid>/status use: bit n for capability n. */
export function capabilityMask(names: readonly CapabilityName[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(CAPABILITIES[name])), 0n);
}

function parseCapability(text: string): CapabilityName | "ALL" {
  const name = text.toUpperCase().replace(/^CAP_/, "");
  if (name === "ALL" || isCapabilityName(name)) return name;
  throw new UnknownCapabilityError(text);
}

function isCapabilityName(name: string): name is CapabilityName {
  return Object.hasOwn(CAPABILITIES, name);
}
