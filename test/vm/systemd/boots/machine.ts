import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Listed } from "#test/e2e/platform.ts";
import { PACKAGE_IN_GUEST } from "../package.ts";

const execute = promisify(execFile);
export const LAUNCHER = join(PACKAGE_IN_GUEST, "slipway");
export const HOME = "/var/lib/slipway";
/** The service's: the package's own would be in memory here, and go with the boot. */
export const COMPILE_CACHE = join(HOME, "cache/compile");
/** A machine that does other things beside the emulation may be ten times slower again. */
export const PATIENCE = { timeout: 170_000 };
export const COMPOSE_FILE = "/root/compose.yaml";

/** Runs a program; an error has what it said. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, SLIPWAY_HOME: HOME, NODE_COMPILE_CACHE: COMPILE_CACHE };
  const { stdout } = await execute(command, args, { encoding: "utf8", env, timeout: 170_000, killSignal: "SIGKILL" });
  return stdout;
}

export const slipway = (...args: string[]): Promise<string> => run(LAUNCHER, ...args);

/** One property of a unit. */
export async function unitProperty(unit: string, name: string): Promise<string> {
  return (await run("systemctl", "show", "--value", "--property", name, unit)).trim();
}

/** Every instance by its service; those of `slipway run` by their name. */
export async function instances(): Promise<Map<string, Listed>> {
  const listed = JSON.parse(await slipway("ps", "-a", "-o", "json")) as Listed[];
  return new Map(listed.map((instance) => [instance.project === "run" ? instance.name : instance.service, instance]));
}

/** The v2 cgroup of a process. */
export function cgroupOf(pid: number | string): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "";
}
