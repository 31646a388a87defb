import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cliError } from "../errors.ts";
import { UNIT_FOLDER } from "./unit-files.ts";

/** Is there exactly when systemd is the machine's init, sd_booted(3). */
const BOOTED_BY_SYSTEMD = "/run/systemd/system";
const LAST_WORDS = 12;

/** @throws SLIPWAY_CLI_NOT_ROOT, SLIPWAY_CLI_NO_SYSTEMD */
export function requireSystemd(verb: string): void {
  if (process.getuid?.() !== 0)
    throw cliError("SLIPWAY_CLI_NOT_ROOT", `\`slipway ${verb}\` changes the machine's services, and needs root for it`);
  if (!existsSync(BOOTED_BY_SYSTEMD))
    throw cliError(
      "SLIPWAY_CLI_NO_SYSTEMD",
      "this machine was not booted by systemd: there is nothing to install a unit in",
    );
}

export const isInstalled = (unit: string): boolean => existsSync(join(UNIT_FOLDER, unit));

/** Writes a unit whole or not at all; false when it already is as it should be. */
export async function writeUnit(unit: string, text: string): Promise<boolean> {
  const path = join(UNIT_FOLDER, unit);
  if (existsSync(path) && readFileSync(path, "utf8") === text) return false;
  await writeFile(`${path}.new`, text, { mode: 0o644 });
  await rename(`${path}.new`, path);
  return true;
}

export function removeUnit(unit: string): void {
  rmSync(join(UNIT_FOLDER, unit), { force: true });
}

/** Whether a unit runs now. */
export async function isActive(unit: string, signal: AbortSignal): Promise<boolean> {
  const { exitCode } = await runSystemctl(["is-active", "--quiet", unit], signal);
  return exitCode === 0;
}

/** @throws SLIPWAY_CLI_SYSTEMD_FAILED with what systemctl said */
export async function systemctl(args: readonly string[], signal: AbortSignal): Promise<string> {
  const { exitCode, output } = await runSystemctl(args, signal);
  if (exitCode === 0) return output;
  throw cliError("SLIPWAY_CLI_SYSTEMD_FAILED", `\`systemctl ${args.join(" ")}\` failed with ${exitCode}: ${output.trim()}`);
}

/** Returns when the unit has started. @throws SLIPWAY_CLI_SYSTEMD_FAILED with the unit's own last words */
export async function startUnit(verb: "start" | "restart", unit: string, signal: AbortSignal): Promise<void> {
  const { exitCode } = await runSystemctl([verb, unit], signal);
  if (exitCode === 0) return;
  const journal = ["--unit", unit, "--lines", String(LAST_WORDS), "--output", "cat", "--no-pager"];
  const { output } = await runProgram("journalctl", journal, signal).catch(() => ({ output: "" }));
  throw cliError("SLIPWAY_CLI_SYSTEMD_FAILED", `${unit} did not start; its last words:\n${output.trim()}`);
}

const runSystemctl = (args: readonly string[], signal: AbortSignal): ReturnType<typeof runProgram> =>
  runProgram("systemctl", ["--no-ask-password", "--no-pager", ...args], signal);

async function runProgram(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ exitCode: number; output: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], signal });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode: exitCode ?? 1, output };
}
