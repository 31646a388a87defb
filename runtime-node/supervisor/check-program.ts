import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { packageVersion } from "#contracts/package-version.ts";
import { processEntry } from "#contracts/process-entry.ts";
import type { Program } from "#contracts/server-upgrade.ts";
import { serverError } from "./errors.ts";
import { HANDOVER_FORMAT } from "./handover.ts";
import { parseServerOptions } from "./server-options.ts";

const CHECK_TIMEOUT_MS = 30_000;
export const CHECK_FLAG = "--check";

interface CheckedProgram {
  version: string;
  handover: number;
}

/**
 * Has a program say that it would start with our arguments, before this process becomes it and there is no way back but through it. Throws
 * SLIPWAY_SERVER_UPGRADE_REFUSED.
 */
export async function checkProgram(
  { node, entry }: Program,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { version, handover } = await askProgram(node, [entry, CHECK_FLAG, ...args], signal);
  if (handover === HANDOVER_FORMAT) return version;
  const message = `version ${version} takes over in format ${handover}, and this one (${packageVersion()}) hands over in ${HANDOVER_FORMAT}`;
  const remedy = "Nothing was changed. End this server (containers run on), and start the new one: it adopts them.";
  throw serverError("SLIPWAY_SERVER_UPGRADE_REFUSED", message, { remedy });
}

async function askProgram(node: string, args: readonly string[], signal: AbortSignal): Promise<CheckedProgram> {
  try {
    const { stdout } = await promisify(execFile)(node, args, { signal, timeout: CHECK_TIMEOUT_MS });
    return JSON.parse(stdout) as CheckedProgram;
  } catch (cause) {
    const { stderr = "", message } = cause as { stderr?: string; message: string };
    const why = stderr.trim().split("\n").slice(-20).join("\n") || message;
    throw serverError("SLIPWAY_SERVER_UPGRADE_REFUSED", `the new version does not start: ${why}`, { cause });
  }
}

/** The other side: what `--check` prints, once all modules are loaded and the arguments are understood. */
export async function describeProgram(args: readonly string[]): Promise<string> {
  parseServerOptions(args);
  await Promise.all((["control", "agent", "gateway"] as const).map((name) => access(processEntry(name))));
  const checked: CheckedProgram = { version: packageVersion(), handover: HANDOVER_FORMAT };
  return JSON.stringify(checked);
}
