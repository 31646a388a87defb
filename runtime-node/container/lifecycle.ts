import type { InstanceFailure } from "#contracts/instance.ts";

/**
 * Where one instance is, as its record on disk says it. new: never started. running: its process was exec'd. backoff: ended,
 * will be started again at `until`. ended: ended and stays down; `held` when it was we who stopped it. failed: could not be
 * started.
 */
export type Lifecycle =
  | { type: "new" }
  | {
      type: "running";
      pid: number;
      startTime: number;
      startedAt: string;
      runSerial: number;
      series: number;
      restarts: number;
    }
  | ({ type: "backoff"; until: number; series: number } & Ended)
  | ({ type: "ended"; held: boolean } & Ended)
  | { type: "failed"; failure: InstanceFailure; finishedAt: string; runSerial: number; restarts: number };

interface Ended {
  exitCode: number | null;
  oomKilled: boolean;
  startedAt: string;
  finishedAt: string;
  runSerial: number;
  restarts: number;
}

/** Restarts of the instance so far, over all its runs. */
export const restartsOf = (lifecycle: Lifecycle): number => (lifecycle.type === "new" ? 0 : lifecycle.restarts);
