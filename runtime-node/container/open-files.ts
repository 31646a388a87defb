import { readFileSync } from "node:fs";

const SOFT_LIMIT = 1024;
const WANTED_HARD_LIMIT = 524_288;

/**
 * RLIMIT_NOFILE of every container process: systemd's defaults, as far as this machine's own hard limit goes (without
 * CAP_SYS_RESOURCE it cannot be raised). Set explicitly, because Node raises its own soft limit.
 */
export const OPEN_FILES = { soft: SOFT_LIMIT, hard: Math.min(WANTED_HARD_LIMIT, ownHardLimit()) };

/** proc_pid_limits(5): `Max open files  <soft>  <hard>  files`. */
function ownHardLimit(): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return hard === undefined || hard === "unlimited" ? WANTED_HARD_LIMIT : Number(hard);
}
