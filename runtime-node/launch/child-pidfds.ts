import { isErrno, type Kernel } from "#kernel/kernel.ts";
import { type ExitStatus, reap, startTimeOf } from "#kernel/pidfd.ts";

const SIGKILL = 9;

interface Held {
  readonly pid: number;
  readonly startTime: number;
  fd: number | undefined;
  end: Promise<ExitStatus | undefined> | undefined;
}

/**
 * Pidfds of the supervisor's children, held by the agent as well: it can signal them and see them end whatever becomes of the supervisor. A
 * pid is believed only with its start time.
 */
export class ChildPidfds implements Disposable {
  readonly #kernel: Kernel;
  readonly #held = new Map<string, Held>();
  readonly #closing = new AbortController();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** From now on the name is this process. */
  hold(child: string, pid: number, startTime: number): void {
    this.release(child);
    const held: Held = { pid, startTime, fd: undefined, end: undefined };
    this.#held.set(child, held);
    try {
      this.#open(held);
    } catch {
      // Out of fds: opened when it is needed.
    }
  }

  /** Sends a signal to a child that is held; one that has ended is none the worse for it. */
  signal(child: string, signal: number): void {
    const held = this.#held.get(child);
    const fd = held && this.#open(held);
    if (fd !== undefined) this.#kernel.attempt("pidfd_send_signal", fd, signal, null, 0);
  }

  /** Resolves when the child has ended to how, as far as the kernel tells; undefined for one that nothing can be known of. */
  async ended(child: string): Promise<ExitStatus | undefined> {
    const held = this.#held.get(child);
    const fd = held && this.#open(held);
    if (held === undefined || fd === undefined) return undefined;
    held.end ??= reap(this.#kernel, fd, this.#closing.signal).catch(() => undefined);
    return held.end;
  }

  /** Kills the child, and waits for its end. */
  async kill(child: string): Promise<void> {
    this.signal(child, SIGKILL);
    await this.ended(child);
  }

  release(child: string): void {
    const held = this.#held.get(child);
    this.#held.delete(child);
    if (held?.fd === undefined) return;
    const { fd, end } = held;
    const close = (): void => void this.#kernel.attempt("close", fd);
    // It is polled until then: the number must not be another file's.
    if (end === undefined) close();
    else void end.then(close);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    for (const child of this.#held.keys()) this.release(child);
  }

  /** Undefined when the process is gone. */
  #open(held: Held): number | undefined {
    if (held.fd !== undefined) return held.fd;
    const { pid, startTime } = held;
    try {
      const fd = this.#kernel.call("pidfd_open", pid, 0);
      if (startTimeOf(pid) === startTime) held.fd = fd;
      else this.#kernel.attempt("close", fd);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
    return held.fd;
  }
}
