import { readFileSync, writeFileSync } from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";
import { startTimeOf, untilEnded } from "#kernel/pidfd.ts";

interface KnownProcess {
  name: string;
  pid: number;
  startTime: number;
}

const SIGKILL = 9;

/**
 * The platform's processes by pid and start time, in the run folder. A supervisor that was killed leaves them running; the next one
 * ends them, or they would hold its ports and stores.
 */
export class ProcessPids {
  readonly #kernel: Kernel;
  readonly #file: string;
  readonly #processes = new Map<string, KnownProcess>();

  constructor(kernel: Kernel, file: string) {
    this.#kernel = kernel;
    this.#file = file;
  }

  record(name: string, pid: number): void {
    const startTime = startTimeOf(pid);
    if (startTime === undefined) return;
    this.#processes.set(name, { name, pid, startTime });
    writeFileSync(this.#file, JSON.stringify([...this.#processes.values()]), { mode: 0o600 });
  }

  /** Ends what a former supervisor left; what has such a pid by now and is another process is let be. */
  async endLeftovers(): Promise<void> {
    await Promise.all(this.#readFile().map((process) => this.#end(process)));
  }

  async #end({ pid, startTime }: KnownProcess): Promise<void> {
    const pidfd = this.#kernel.attempt("pidfd_open", pid, 0);
    if (pidfd < 0) return;
    try {
      if (startTimeOf(pid) !== startTime) return;
      this.#kernel.attempt("pidfd_send_signal", pidfd, SIGKILL, null, 0);
      await untilEnded(pidfd);
    } finally {
      this.#kernel.attempt("close", pidfd);
    }
  }

  #readFile(): KnownProcess[] {
    try {
      return JSON.parse(readFileSync(this.#file, "utf8")) as KnownProcess[];
    } catch {
      return [];
    }
  }
}
