import { parseArgs } from "node:util";
import type { RepairAnswer } from "#contracts/repair.ts";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { repairError } from "./errors.ts";
import { repair } from "./repair.ts";

/** Started by `slipway doctor --repair`, which knows no kernel: `--home` names a place where a platform may have been, `--only` the one that is meant. */
async function answer(): Promise<RepairAnswer> {
  try {
    const { values } = parseArgs({
      options: {
        "dry-run": { type: "boolean", default: false },
        only: { type: "string" },
        home: { type: "string", multiple: true, default: [] },
      },
    });
    if (process.getuid?.() !== 0)
      throw repairError(
        "SLIPWAY_REPAIR_NOT_ROOT",
        "what a platform leaves on the machine is root's, and so is its removal",
      );
    return {
      report: await repair(new LinuxKernel(), { homes: values.home, only: values.only, dryRun: values["dry-run"] }),
    };
  } catch (error) {
    return { problem: toSlipwayError(error).toProblem() };
  }
}

process.stdout.write(`${JSON.stringify(await answer())}\n`);
