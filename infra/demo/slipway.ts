import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { demoError } from "./errors.ts";

export const LAUNCHER = join(PACKAGE_ROOT, "slipway");
export const HOME = join(PACKAGE_ROOT, ".slipway");

/**
 * Runs one verb as a person would: progress and errors are seen, stdout is returned. When the signal aborts, the verb is interrupted.
 * @throws SLIPWAY_DEMO_STEP_FAILED
 */
export async function slipway(args: readonly string[], signal?: AbortSignal): Promise<string> {
  // In a session of its own: Ctrl-C is for the demo, which then takes down in order.
  const child = spawn(LAUNCHER, [...args], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
    env: { ...process.env, SLIPWAY_HOME: HOME },
  });
  const interrupt = (): void => void child.kill("SIGINT");
  signal?.addEventListener("abort", interrupt);
  const [stdout, [exitCode]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  signal?.removeEventListener("abort", interrupt);
  if (exitCode === 0) return stdout;
  process.stdout.write(stdout);
  throw demoError("SLIPWAY_DEMO_STEP_FAILED", `\`slipway ${args.join(" ")}\` ended with ${exitCode ?? "a signal"}`);
}
