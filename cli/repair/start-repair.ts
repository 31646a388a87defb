import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { processEntry } from "#contracts/process-entry.ts";
import type { RepairAnswer, RepairReport } from "#contracts/repair.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { cliError } from "../errors.ts";

const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

export interface RepairRequest {
  /** Where platforms may have been. */
  homes: string[];
  /** Only the platform of this home. */
  only: string | undefined;
  dryRun: boolean;
  signal: AbortSignal;
}

/** Has this machine repaired by a process of this version; needs root. */
export async function startRepair({ homes, only, dryRun, signal }: RepairRequest): Promise<RepairReport> {
  const args = [
    processEntry("repair"),
    ...homes.flatMap((home) => ["--home", home]),
    ...(only === undefined ? [] : ["--only", only]),
    ...(dryRun ? ["--dry-run"] : []),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    signal,
    maxBuffer: MOST_ANSWER_BYTES,
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw cliError("SLIPWAY_CLI_REPAIR_FAILED", "the repair process ended without an answer", { cause });
  });
  const answer = JSON.parse(stdout) as RepairAnswer;
  if ("problem" in answer) throw SlipwayError.fromProblem(answer.problem);
  return answer.report;
}
