import type { Kernel } from "#kernel/kernel.ts";
import { startTimeOf, untilEnded } from "#kernel/pidfd.ts";
import type { FoundProcess } from "./find-processes.ts";

const SIGKILL = 9;
const ENDS_WITHIN_MS = 10_000;

/** SIGKILL by a pidfd, and only while the pid is still that process; resolves when it has ended. */
export async function endProcess(
  kernel: Kernel,
  { pid, startTime }: Pick<FoundProcess, "pid" | "startTime">,
): Promise<void> {
  const pidfd = kernel.attempt("pidfd_open", pid, 0);
  if (pidfd < 0) return;
  try {
    if (startTimeOf(pid) !== startTime) return;
    kernel.attempt("pidfd_send_signal", pidfd, SIGKILL, null, 0);
    await untilEnded(pidfd, AbortSignal.timeout(ENDS_WITHIN_MS));
  } finally {
    kernel.attempt("close", pidfd);
  }
}
