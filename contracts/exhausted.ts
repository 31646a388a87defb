/** Whether an error, or what it was caused by, has one of these errnos. */
export function isCausedBy(error: unknown, ...names: string[]): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    // Node names the errno in `code`, our own system calls in `errno`.
    const { code, errno } = cause as { code?: unknown; errno?: unknown };
    if ([code, errno].some((name) => names.includes(String(name)))) return true;
  }
  return false;
}

/** Whether an error, or what it was caused by, is a disk (ENOSPC) or a quota (EDQUOT) without room, write(2). */
export const isDiskFull = (error: unknown): boolean => isCausedBy(error, "ENOSPC", "EDQUOT");

/** Whether an error, or what it was caused by, is a process (EMFILE) or a machine (ENFILE) that may open no more files, open(2). */
export const isOutOfFiles = (error: unknown): boolean => isCausedBy(error, "EMFILE", "ENFILE");
