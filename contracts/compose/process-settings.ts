import { constants } from "node:os";
import type { RestartPolicy } from "../service-spec.ts";
import { suggest } from "./suggest.ts";

/** capabilities(7), in the order of their numbers, without CAP_. */
export const CAPABILITY_NAMES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
] as const;

/** A capability as docker takes it: with or without CAP_, in any case, or ALL. @throws RangeError */
export function parseCapability(text: string): string {
  const name = text.toUpperCase().replace(/^CAP_/, "");
  if (name === "ALL" || (CAPABILITY_NAMES as readonly string[]).includes(name)) return name;
  throw new RangeError(`${JSON.stringify(text)} is no capability${meant(suggest(name, CAPABILITY_NAMES))}`);
}

/** A signal by name (with or without SIG, in any case) or number: SIGTERM. @throws RangeError */
export function parseSignal(text: string): string {
  const signals = Object.entries(constants.signals);
  const byNumber = /^\d+$/.test(text) ? signals.find(([, number]) => number === Number(text)) : undefined;
  if (byNumber !== undefined) return byNumber[0];
  const name = `SIG${text.toUpperCase().replace(/^SIG/, "")}`;
  if (name in constants.signals) return name;
  const suggestion = suggest(
    name,
    signals.map(([known]) => known),
  );
  throw new RangeError(`${JSON.stringify(text)} is no signal${meant(suggestion)}`);
}

/** `no`, `always`, `on-failure[:n]`, `unless-stopped`. @throws RangeError */
export function parseRestart(text: string): RestartPolicy {
  const counted = /^on-failure:(\d+)$/.exec(text);
  if (counted !== null && Number(counted[1]) > 0) return { name: "on-failure", maximumRetryCount: Number(counted[1]) };
  if (text === "no" || text === "always" || text === "on-failure" || text === "unless-stopped") return { name: text };
  throw new RangeError(
    `${JSON.stringify(text)} is no restart policy (no, always, on-failure, on-failure:5, unless-stopped)`,
  );
}

/** sethostname(2) takes 64 bytes; RFC 1123 says which. @throws RangeError */
export function parseHostname(text: string): string {
  if (text.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(text))
    return text;
  throw new RangeError(`${JSON.stringify(text)} is no host name (letters, digits, - and dots, at most 63)`);
}

/** `user[:group]`, names or numbers. @throws RangeError */
export function parseUser(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/.test(text)) return text;
  throw new RangeError(`${JSON.stringify(text)} is no user (name or number, with :group where one is wanted)`);
}

/** An absolute path in the container. @throws RangeError */
export function parseWorkingDir(text: string): string {
  if (text.startsWith("/") && !text.includes("\0")) return text;
  throw new RangeError(`${JSON.stringify(text)} is no absolute path`);
}

function meant(suggestion: string | undefined): string {
  return suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`;
}
