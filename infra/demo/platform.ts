import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { demoError } from "./errors.ts";
import type { DemoOptions } from "./options.ts";
import { HOME, LAUNCHER } from "./slipway.ts";

const READY = /^slipway: ready\b/;

/** `slipway server`, from its ready line to its end. Disposal ends it with its containers. */
export class DemoPlatform implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child;
    // Not "close": a container that runs on may hold on to the pipe.
    this.#ended = once(child, "exit");
  }

  /** @throws SLIPWAY_DEMO_STEP_FAILED when it ends before it is ready; it has then said why */
  static async start({ httpPort, httpsPort }: DemoOptions, signal: AbortSignal): Promise<DemoPlatform> {
    const ports = ["--http-port", String(httpPort), "--https-port", String(httpsPort)];
    const args = ["server", "--home", HOME, ...ports, "--stop-containers"];
    // In a session of its own: Ctrl-C is for the demo, which then takes down in order.
    const child = spawn(LAUNCHER, args, { stdio: ["ignore", "pipe", "inherit"], detached: true });
    const platform = new DemoPlatform(child);
    const ready = Promise.withResolvers<void>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      process.stdout.write(`  ${line}\n`);
      if (READY.test(line)) ready.resolve();
    });
    const end = (): void => void child.kill("SIGTERM");
    signal.addEventListener("abort", end);
    await Promise.race([ready.promise, platform.#ended]);
    signal.removeEventListener("abort", end);
    if (child.exitCode === null && child.signalCode === null) return platform;
    throw demoError(
      "SLIPWAY_DEMO_STEP_FAILED",
      `\`slipway server\` ended with ${child.exitCode ?? child.signalCode} before it was ready`,
    );
  }

  /** Resolves when it ends by itself. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGTERM");
    await this.#ended;
    this.#child.stdout.destroy();
  }
}
