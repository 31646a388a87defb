/** Whether an error, or what it was caused by, is a disk (ENOSPC) or a quota (EDQUOT) without room, write(2). */
export function isDiskFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") return true;
  }
  return false;
}
