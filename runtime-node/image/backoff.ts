import { setTimeout as sleep } from "node:timers/promises";

export interface Backoff {
  /** The first wait; each one after it is twice as long. */
  baseMs: number;
  maxMs: number;
  /** How often something is tried in all. */
  attempts: number;
}

export const REGISTRY_BACKOFF: Backoff = { baseMs: 200, maxMs: 10_000, attempts: 5 };

/** Waits before attempt `failures + 1`, with jitter so that many nodes do not come back at once; `atLeastMs` is what the server asked for. */
export async function waitBeforeRetry(
  backoff: Backoff,
  failures: number,
  signal: AbortSignal,
  atLeastMs = 0,
): Promise<void> {
  const exponential = backoff.baseMs * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
  await sleep(Math.min(backoff.maxMs, Math.max(exponential, atLeastMs)), undefined, { signal });
}
