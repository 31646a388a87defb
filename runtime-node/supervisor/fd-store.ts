import type { Kernel } from "#kernel/kernel.ts";
import { type ProcessIdentity, takeFd } from "#kernel/take-fd.ts";

/**
 * Fds that must outlive the agent: the reading ends of log FIFOs, DNS sockets. They are copied out of the agent with pidfd_getfd(2) when it
 * asks, and the next agent copies them out of this process in the same way; all are close-on-exec.
 */
export class FdStore implements Disposable {
  readonly #kernel: Kernel;
  readonly #fds: Map<string, number>;

  /** `entries`: what a former image of this process kept, as its `entries()` said. */
  constructor(kernel: Kernel, entries: Iterable<readonly [name: string, fd: number]> = []) {
    this.#kernel = kernel;
    this.#fds = new Map(entries);
  }

  /** Keeps a copy of the owner's fd, instead of what was kept under this name before. */
  keep(name: string, owner: ProcessIdentity, fd: number): void {
    const copy = takeFd(this.#kernel, owner, fd);
    this.drop(name);
    this.#fds.set(name, copy);
  }

  /** Dropping what is not kept does nothing. */
  drop(name: string): void {
    const fd = this.#fds.get(name);
    if (fd === undefined) return;
    this.#fds.delete(name);
    this.#kernel.attempt("close", fd);
  }

  entries(): [name: string, fd: number][] {
    return [...this.#fds];
  }

  [Symbol.dispose](): void {
    for (const name of this.#fds.keys()) this.drop(name);
  }
}
