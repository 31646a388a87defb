/** Whether an error, or what it was caused by, is a disk (ENOSPC) or a quota (EDQUOT) without room, write(2). */
export function isDiskFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    // Node names the errno in `code`, our own system calls in `errno`.
    const { code, errno } = cause as { code?: unknown; errno?: unknown };
    if ([code, errno].some((name) => name === "ENOSPC" || name === "EDQUOT")) return true;
  }
  return false;
}
