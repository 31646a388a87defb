import { join } from "node:path";
import { CHECKOUT } from "./checkout.ts";
import { runNodeTests } from "./node-tests.ts";
import { parseVmOptions } from "./options.ts";
import { runSystemdTests } from "./systemd/run.ts";

const CACHE = join(CHECKOUT, ".slipway/cache/vm");
/** Of one guest; a quiet machine needs a tenth of it. */
const TIME_LIMIT_MS = Number(process.env.SLIPWAY_VM_TIMEOUT_SECONDS ?? 2400) * 1000;

/** One guest after another: two at once take four times as long. A failed one does not keep the next from telling its results. */
async function main(args: readonly string[]): Promise<number> {
  if (process.arch !== "x64")
    throw new Error(`the virtual machine's kernels are built for x86-64, this machine is ${process.arch}`);
  const { kernels, systemd, filters } = parseVmOptions(args);
  const stopped = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopped.abort(new Error(name)));
  const runs = kernels.map((series) => async (signal: AbortSignal) => runNodeTests(CACHE, series, filters, signal));
  if (systemd) runs.push((signal) => runSystemdTests(CACHE, signal));
  let failed = 0;
  for (const start of runs) {
    const timeout = AbortSignal.timeout(TIME_LIMIT_MS);
    const exitCode = await start(AbortSignal.any([timeout, stopped.signal])).catch((error: unknown) => {
      process.stdout.write(`vm: ${error instanceof Error ? error.message : String(error)}\n`);
      return 1;
    });
    if (timeout.aborted) process.stdout.write(`vm: out of time after ${TIME_LIMIT_MS / 1000} seconds\n`);
    failed ||= exitCode;
    if (stopped.signal.aborted) break;
  }
  return failed;
}

process.exitCode = await main(process.argv.slice(2));
