import type { HomeLayout } from "#contracts/home.ts";
import { packageVersion } from "#contracts/package-version.ts";
import { processEntry } from "#contracts/process-entry.ts";
import type { Program } from "#contracts/server-upgrade.ts";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { checkProgram } from "./check-program.ts";
import { serverError } from "./errors.ts";
import type { FdStore } from "./fd-store.ts";
import { type Handover, HANDOVER_FORMAT, handOver } from "./handover.ts";
import type { HomeLock } from "./home-lock.ts";
import type { SupervisorSockets } from "./sockets.ts";

export interface UpgradeOptions {
  kernel: Kernel;
  home: HomeLayout;
  sockets: SupervisorSockets;
  lock: HomeLock;
  listeners: number[];
  fds: FdStore;
  handover: Handover | undefined;
  signal: AbortSignal;
}

/**
 * The upgrade in place, both halves of it: this program becomes the next (execve keeps the pid, and with it the children, whose exit codes
 * it will know), or it is the next, and has what the former handed over.
 *
 * | step | what a failure leads to |
 * |---|---|
 * | the new program is run with --check | nothing was changed |
 * | sockets close, launches end; execve | sockets open again, all goes on |
 * | the new program takes over, and renews the processes one by one | it becomes the former program again, which does the same |
 */
export class Upgrade {
  readonly #options: UpgradeOptions;

  constructor(options: UpgradeOptions) {
    this.#options = options;
  }

  /** Tells those who follow an upgrade. */
  progress(message: string): void {
    const { upgrades } = this.#options.sockets;
    if (upgrades.isUnderWay) upgrades.say({ type: "progress", message });
  }

  /** Does what starting takes. When it fails after an upgrade, this process becomes again what it was before, if that is elsewhere. */
  async orGoBack(settle: () => Promise<void>): Promise<void> {
    const { handover, signal } = this.#options;
    if (handover === undefined) return settle();
    try {
      await settle();
      this.#conclude(handover);
    } catch (error) {
      signal.throwIfAborted();
      const failure = toSlipwayError(error);
      console.error(`slipway: the upgrade failed: ${failure.message}`);
      if (handover.failure === undefined && handover.former.entry !== processEntry("supervisor")) {
        this.progress(
          `version ${packageVersion()} cannot serve (${failure.message}); going back to ${handover.former.version}`,
        );
        await this.#become(handover.former, failure.message).catch((refused: unknown) => console.error(refused));
      }
      this.#fail(
        serverError("SLIPWAY_SERVER_UPGRADE_FAILED", `version ${packageVersion()} cannot serve: ${failure.message}`),
      );
    }
  }

  /** Serves requests for an upgrade until the signal aborts. */
  async serveUntil(signal: AbortSignal): Promise<void> {
    const ended = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      else signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    for (;;) {
      const program = await Promise.race([this.#options.sockets.upgradeRequested(), ended]);
      if (program === undefined || signal.aborted) return;
      await this.#begin(program).catch((error: unknown) => this.#fail(error));
    }
  }

  async #begin(program: Program): Promise<void> {
    this.#options.sockets.upgrades.say({
      type: "progress",
      message: `version ${packageVersion()} runs; the new one is tried`,
    });
    const version = await checkProgram(program, process.argv.slice(2), this.#options.signal);
    console.log(`slipway: becoming version ${version}`);
    this.progress(`the supervisor becomes version ${version}`);
    await this.#become(program, undefined);
  }

  /** Does not return, or throws with the sockets open again. */
  async #become(program: Program, failure: string | undefined): Promise<void> {
    const { kernel, home, sockets, lock, listeners, fds } = this.#options;
    const { upgrades } = sockets;
    upgrades.say({ type: "replacing", pid: process.pid });
    await sockets[Symbol.asyncDispose]();
    try {
      handOver(kernel, home.run, program, {
        format: HANDOVER_FORMAT,
        lock: lock.fd,
        listeners,
        kept: fds.entries(),
        former: { node: process.execPath, entry: processEntry("supervisor"), version: packageVersion() },
        said: upgrades.said,
        ...(failure === undefined ? {} : { failure }),
      });
    } catch (cause) {
      await sockets.reopen();
      const message = `this process could not become ${program.node} ${program.entry}: ${(cause as Error).message}`;
      throw serverError("SLIPWAY_SERVER_UPGRADE_REFUSED", message, { cause });
    }
  }

  #conclude({ failure, former }: Handover): void {
    const version = packageVersion();
    if (failure === undefined) {
      console.log(`slipway: upgraded from version ${former.version} to ${version}`);
      this.#options.sockets.upgrades.say({ type: "done", version });
      return;
    }
    const message = `version ${former.version} cannot serve: ${failure}`;
    const remedy = `Version ${version} serves again, nothing was lost. Look at the log, and upgrade to a version that works.`;
    this.#fail(serverError("SLIPWAY_SERVER_UPGRADE_FAILED", message, { remedy }));
  }

  #fail(error: unknown): void {
    const { code, message, remedy } = toSlipwayError(error);
    console.error(`slipway: ${message} [${code}]`);
    const { upgrades } = this.#options.sockets;
    if (upgrades.isUnderWay) upgrades.say({ type: "failed", code, message, remedy });
  }
}
