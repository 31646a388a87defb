import type { Leftover, PlatformVerdict, RepairReport } from "#contracts/repair.ts";
import { homeLayout } from "#contracts/home.ts";
import { resolve } from "node:path";
import type { Kernel } from "#kernel/kernel.ts";
import { findTraces, type Traces } from "./find-traces.ts";
import { isHome, type Judgement, judgePlatform, lockDeadHome } from "./judge-platform.ts";
import { leftoversOf, type Removable } from "./leftovers.ts";

export interface RepairOptions {
  /** Where platforms may have been; those of the machine's traces are found anyway. */
  homes: readonly string[];
  /** Only this platform, whatever else there is. */
  only: string | undefined;
  dryRun: boolean;
}

/** Finds what dead platforms have left, and removes it unless asked not to. What cannot be removed is said, and the rest is done. */
export async function repair(kernel: Kernel, options: RepairOptions): Promise<RepairReport> {
  const { homes, only, dryRun } = options;
  const wanted = only === undefined ? undefined : homeLayout(resolve(only)).hash;
  const report: RepairReport = { dryRun, platforms: [], leftovers: [] };
  for (const traces of findTraces(kernel, only === undefined ? homes : [only])) {
    if (wanted !== undefined && traces.hash !== wanted) continue;
    const { verdict, leftovers } = await repairOne(kernel, traces, dryRun);
    report.platforms.push(verdict);
    report.leftovers.push(...leftovers);
  }
  return report;
}

async function repairOne(
  kernel: Kernel,
  traces: Traces,
  dryRun: boolean,
): Promise<{ verdict: PlatformVerdict; leftovers: Leftover[] }> {
  const { hash, home } = traces;
  const tell = ({ state, because }: Judgement): PlatformVerdict => ({ hash, home, state, because });
  const judged = judgePlatform(traces);
  if (judged.state !== "stopped" && judged.state !== "gone") return { verdict: tell(judged), leftovers: [] };
  if (dryRun) return { verdict: tell(judged), leftovers: leftoversOf(kernel, traces).map((one) => leftover(traces, one)) };
  // No server starts on the home from here on.
  using lock = home !== null && isHome(home) ? lockDeadHome(kernel, home) : { [Symbol.dispose]: () => {} };
  if (lock === undefined)
    return { verdict: tell({ state: "live", because: "a server has just started on it" }), leftovers: [] };
  const leftovers: Leftover[] = [];
  for (const one of leftoversOf(kernel, traces)) leftovers.push(await remove(traces, one));
  return { verdict: tell(judged), leftovers };
}

async function remove(traces: Traces, removable: Removable): Promise<Leftover> {
  try {
    await removable.remove();
    return leftover(traces, removable, { fate: "removed" });
  } catch (error) {
    return leftover(traces, removable, { fate: "failed", error: error instanceof Error ? error.message : String(error) });
  }
}

function leftover(
  { hash, home }: Traces,
  { kind, name, ours }: Removable,
  outcome: Pick<Leftover, "fate" | "error"> = { fate: "found" },
): Leftover {
  return { kind, name, hash, home, ours, ...outcome };
}
