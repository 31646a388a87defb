import type { Static } from "typebox";
import type { PullProgress } from "#contracts/api.ts";

export type ReportProgress = (progress: Static<typeof PullProgress>) => void;

/** Reports bytes in steps of a hundredth: a callback for each network packet would cost more than it tells. */
export function byteProgress(
  report: ReportProgress,
  about: { phase: "downloading" | "unpacking"; digest: string; totalBytes: number },
): (doneBytes: number) => void {
  const step = Math.max(64 * 1024, about.totalBytes / 100);
  let reported = -step;
  return (doneBytes) => {
    if (doneBytes - reported < step && doneBytes !== about.totalBytes) return;
    reported = doneBytes;
    report({ ...about, doneBytes });
  };
}
