import type { ProcessSample } from "./process-sample.ts";
import { TOLERANCE, type Trend } from "./trend.ts";

const MEBIBYTE = 1024 * 1024;

/** What a soak found; nothing left and nothing that grows is success. */
export interface SoakReport {
  seed: number;
  starts: number;
  seconds: number;
  node: string;
  kernel: string;
  /** What was drawn, done and killed, and how often. */
  tally: Record<string, number>;
  /** Credentials that are remembered as void, until they would have expired anyway. */
  revoked: number;
  /** What a platform held more at the end than before, while it ran. */
  heldMore: string[];
  /** What the machine had more, or less, when the platform was gone. */
  machine: string[];
  tolerance: typeof TOLERANCE;
  /** At the start, after each twentieth, at the end; a process that was killed meanwhile has another pid. */
  samples: ProcessSample[];
  trends: Trend[];
}

export const isClean = ({ heldMore, machine, trends }: SoakReport): boolean =>
  heldMore.length === 0 && machine.length === 0 && !trends.some(({ grows }) => grows);

/** For a person: a line a process and measure, its values over the run, and its slope. */
export function formatReport(report: SoakReport): string {
  const { starts, seconds, seed, trends, heldMore, machine, tally, revoked } = report;
  const rows = trends.flatMap((trend) => {
    const samples = report.samples.filter(({ name }) => name === trend.name);
    return [
      [
        trend.name,
        "PSS MiB",
        ...samples.map(({ pssBytes }) => mebibytes(pssBytes)),
        perThousand(trend.pssBytesPerThousand),
      ],
      ["", "heap MiB", ...samples.map(({ heapBytes }) => mebibytes(heapBytes)), perThousand(trend.heapBytesPerThousand)],
      ["", "open files", ...samples.map(({ openFiles }) => String(openFiles)), verdictOf(trend)],
      ["", "pid", ...samples.map(({ pid }) => String(pid)), ""],
    ];
  });
  const counts = Object.entries(tally).toSorted(([, a], [, b]) => b - a);
  return [
    `soak: ${starts} starts in ${Math.round(seconds)} s (${(starts / seconds).toFixed(1)} a second), seed ${seed}`,
    counts.map(([what, count]) => `${count} ${what}`).join(", "),
    `${revoked} credentials are remembered as void`,
    ...rows.map((cells) => cells.map((cell, index) => (index < 2 ? cell.padEnd(11) : cell.padStart(7))).join(" ")),
    `flat is: at most ${mebibytes(TOLERANCE.heapBytesPerThousand)} MiB of heap and ${mebibytes(TOLERANCE.pssBytesPerThousand)} MiB of PSS (nats-server ${mebibytes(TOLERANCE.natsServerPssBytesPerThousand)}) more in 1,000 starts`,
    ...heldMore.map((line) => `left while it ran: ${line}`),
    ...machine.map((line) => `left on the machine: ${line}`),
    isClean(report) ? "nothing is left, nothing grows" : "something is left, or grows",
    ...(trends.some(isUntold) ? ["of a process that lived for less than some 2,000 starts, nothing is known"] : []),
    "",
  ].join("\n");
}

const isUntold = ({ pssBytesPerThousand }: Trend): boolean => pssBytesPerThousand === null;

function verdictOf(trend: Trend): string {
  if (isUntold(trend)) return "unknown";
  return trend.grows ? "grows" : "flat";
}

const mebibytes = (bytes: number | null): string => (bytes === null ? "-" : (bytes / MEBIBYTE).toFixed(1));

function perThousand(slope: number | null): string {
  if (slope === null) return "-";
  return `${slope < 0 ? "" : "+"}${(slope / MEBIBYTE).toFixed(2)}/1000`;
}
