import { type Kernel, KernelError } from "./kernel.ts";
import { ERRNO } from "./errno.ts";
import { startTimeOf } from "./pidfd.ts";

/** A process for ever: a pid alone may be another's by now. `startTime` as in proc_pid_stat(5). */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? 0 };
}

/**
 * A copy of another process's fd, close-on-exec (pidfd_getfd(2)). Unlike SCM_RIGHTS it needs nothing from the owner but the number. Takes
 * CAP_SYS_PTRACE, which goes before PR_SET_DUMPABLE; Yama's ptrace_scope 3 refuses it to everybody. ESRCH: the owner is gone.
 */
export function takeFd(kernel: Kernel, owner: ProcessIdentity, fd: number): number {
  const pidfd = kernel.call("pidfd_open", owner.pid, 0);
  try {
    // After the open: from here on the pidfd is that of this process or of none.
    if (startTimeOf(owner.pid) !== owner.startTime) throw new KernelError("pidfd_open", ERRNO.ESRCH, [owner.pid, 0]);
    return kernel.call("pidfd_getfd", pidfd, fd, 0);
  } finally {
    kernel.attempt("close", pidfd);
  }
}
