import { setTimeout as delay } from "node:timers/promises";
import type { Trace, TraceSummary } from "#contracts/trace.ts";
import { demoError } from "./errors.ts";
import { slipway } from "./slipway.ts";

/** Spans are sent in batches, a moment after they end. */
const ARRIVAL_MS = 10_000;
const LOOK_EVERY_MS = 200;

/** The newest deploy's trace as a waterfall, when the first request through the gateway is in it. */
export async function showTrace(signal: AbortSignal): Promise<string> {
  const deadline = performance.now() + ARRIVAL_MS;
  for (;;) {
    const traces = JSON.parse(await slipway(["trace", "ls", "-o", "json"], signal)) as TraceSummary[];
    const deploy = traces.find(({ name }) => name === "slipway up");
    if (deploy !== undefined) {
      const { spans } = JSON.parse(await slipway(["trace", "show", deploy.traceId, "-o", "json"], signal)) as Trace;
      if (spans.some(({ name }) => name === "first request"))
        return slipway(["trace", "show", "--brief", deploy.traceId], signal);
    }
    if (performance.now() > deadline)
      throw demoError("SLIPWAY_DEMO_ANSWER_WRONG", "the deploy's trace does not reach its first request");
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}
