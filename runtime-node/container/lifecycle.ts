import type { InstanceFailure } from "#contracts/instance.ts";
import type { RestartPolicy } from "#contracts/service-spec.ts";
import type { ChildExit } from "../launch/children.ts";
import { decideRestart } from "./restart-policy.ts";

/**
 * Where one instance is, as its record on disk says it. new: never started. running: its process was exec'd. backoff: ended,
 * will be started again at `until`. ended: ended and stays down; `held` when it was we who stopped it. failed: could not be
 * started; tried again when there is room, where a disk was full.
 */
export type Lifecycle =
  | { type: "new" }
  | Running
  | ({ type: "backoff"; until: number; series: number } & Ended)
  | ({ type: "ended"; held: boolean } & Ended)
  | {
      type: "failed";
      failure: InstanceFailure;
      finishedAt: string;
      runSerial: number;
      restarts: number;
      /** A full disk may pass: looked at again then (steadyNow), and tried again when more was free than these bytes. */
      retry?: { at: number; freeBytes: number };
    };

export interface Running {
  type: "running";
  pid: number;
  startTime: number;
  startedAt: string;
  runSerial: number;
  series: number;
  restarts: number;
}

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

export interface EndOfRun {
  exit: ChildExit;
  /** It was we who stopped it. */
  held: boolean;
  oomKilled: boolean;
  now: number;
}

/** Where a run that ended leads: to its next start after a backoff, or to stay down. */
export function endRun(
  lifecycle: Running,
  policy: RestartPolicy,
  { exit, held, oomKilled, now }: EndOfRun,
): Extract<Lifecycle, { type: "ended" | "backoff" }> {
  const { startedAt, runSerial, restarts, series } = lifecycle;
  const ended = { exitCode: exit.status.code, oomKilled, startedAt, finishedAt: exit.exitedAt, runSerial, restarts };
  if (held) return { type: "ended", held, ...ended };
  // A kernel before 6.15 cannot tell how a process ended that is not the supervisor's child: counted as a failure.
  const decision = decideRestart(policy, {
    exitCode: exit.status.code ?? 1,
    ranForMs: Date.parse(exit.exitedAt) - Date.parse(startedAt),
    series,
  });
  if (decision.type === "stay-down") return { type: "ended", held, ...ended };
  return { type: "backoff", until: now + decision.afterMs, series: decision.series, ...ended };
}
