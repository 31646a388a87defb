import { readFileSync } from "node:fs";
import type { Kernel } from "../kernel.ts";
import { reap } from "../pidfd.ts";

const SIGKILL = 9;
/** Longer than the few calls it has to make, so that nearly no exec is looked at. */
const LOOK_EVERY_MS = 20;

/**
 * The child of an exec that is in the container's pid namespace. What runs there can signal it, SIGSTOP cannot be blocked, and until
 * it execs it stands in our memory: it may neither be waited for longer than it needs, nor outlive its plan. Its parent is this
 * process (CLONE_PARENT), so its pid is its own until it is reaped here.
 */
export class SecondChild {
  readonly #kernel: Kernel;
  readonly #pidOf: () => number;
  /** Whether it was found stopped, and killed. */
  wasStopped = false;

  /** @param pidOf its pid, 0 while it is not cloned */
  constructor(kernel: Kernel, pidOf: () => number) {
    this.#kernel = kernel;
    this.#pidOf = pidOf;
  }

  /** Until disposed: kills it when something stops it. */
  watch(): Disposable {
    const timer = setInterval(() => {
      if (!isStopped(this.#pidOf())) return;
      this.wasStopped = true;
      this.kill();
    }, LOOK_EVERY_MS);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  kill(): void {
    this.#withPidfd((pidfd) => void this.#kernel.attempt("pidfd_send_signal", pidfd, SIGKILL, null, 0));
  }

  /** Kills it, and resolves when it is gone. */
  async end(): Promise<void> {
    this.kill();
    await this.#withPidfd((pidfd) => reap(this.#kernel, pidfd));
  }

  #withPidfd<Result>(use: (pidfd: number) => Result): Result | undefined {
    const pid = this.#pidOf();
    const pidfd = pid === 0 ? -1 : this.#kernel.attempt("pidfd_open", pid, 0);
    if (pidfd < 0) return undefined;
    const close = (): void => void this.#kernel.attempt("close", pidfd);
    const result = use(pidfd);
    if (!(result instanceof Promise)) close();
    else void result.finally(close).catch(() => {});
    return result;
  }
}

/** proc_pid_stat(5): `T` is stopped on a signal, `t` by a tracer. */
function isStopped(pid: number): boolean {
  if (pid === 0) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return "Tt".includes(stat.charAt(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
