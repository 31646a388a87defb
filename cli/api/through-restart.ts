import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "#contracts/is-running.ts";
import type { ProcessRecord } from "#contracts/process-record.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { ApiTarget } from "./target.ts";

/** A control process that died is back within a second or two; one that dies again and again is started every 5 s. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 50;

/**
 * Calls the server, and calls again while its API is being started again: nobody has taken what was refused, and what may be `repeated` does
 * no harm twice. A server that is not there at all is said at once.
 */
export async function throughRestart<Answer>(
  target: ApiTarget,
  { signal, repeated }: { signal: AbortSignal; repeated: boolean },
  call: () => Promise<Answer>,
): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const passes =
        hasCode(error, "SLIPWAY_CLI_SERVER_NOT_RUNNING") || (repeated && hasCode(error, "SLIPWAY_CLI_SERVER_GONE"));
      if (!passes || performance.now() > deadline || !isSupervised(target)) throw error;
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}

/** Whether the supervisor lives that starts the API of this socket. */
function isSupervised(target: ApiTarget): boolean {
  if (target.type !== "socket") return false;
  try {
    const file = join(dirname(target.path), "processes.json");
    const known = JSON.parse(readFileSync(file, "utf8")) as ProcessRecord[];
    const supervisor = known.find(({ name }) => name === "supervisor");
    return supervisor !== undefined && isRunning(supervisor);
  } catch {
    // No server, or one whose processes only root may know.
    return false;
  }
}
