import type { RestartPolicy } from "#contracts/service-spec.ts";

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 60_000;
/** A run this long ends a series of failures, as docker counts. */
const STEADY_MS = 10_000;

export interface EndedRun {
  exitCode: number;
  ranForMs: number;
  /** Restarts in a row before this run. */
  series: number;
}

export type RestartDecision = { type: "stay-down" } | { type: "restart"; afterMs: number; series: number };

/** What a policy says to a run that ended by itself: backoff doubles from 100 ms to a minute. */
export function decideRestart(policy: RestartPolicy, { exitCode, ranForMs, series }: EndedRun): RestartDecision {
  const count = ranForMs >= STEADY_MS ? 0 : series;
  const goesOn =
    policy.name === "always" ||
    policy.name === "unless-stopped" ||
    (policy.name === "on-failure" && exitCode !== 0 && count < (policy.maximumRetryCount ?? Number.POSITIVE_INFINITY));
  if (!goesOn) return { type: "stay-down" };
  return { type: "restart", afterMs: Math.min(FIRST_BACKOFF_MS * 2 ** count, LONGEST_BACKOFF_MS), series: count + 1 };
}
