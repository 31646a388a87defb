import type { Leftover, PlatformVerdict, RepairReport } from "#contracts/repair.ts";
import { paint } from "../output/colour.ts";

const LET_BE = new Set<PlatformVerdict["state"]>(["live", "resting", "unclear"]);
const MARKS = { removed: ["✔", "green"], found: ["!", "yellow"], failed: ["✖", "red"] } as const;

/** A paragraph a platform: what it is, and what it has left; then the sum. */
export function formatRepair(report: RepairReport, colour: boolean): string {
  const paragraphs = report.platforms
    .map((verdict) => ({ verdict, leftovers: report.leftovers.filter(({ hash }) => hash === verdict.hash) }))
    .filter(({ verdict, leftovers }) => LET_BE.has(verdict.state) || leftovers.length > 0)
    .map(({ verdict, leftovers }) => formatPlatform(verdict, leftovers, colour));
  return [...paragraphs, `${summary(report)}\n`].join("");
}

function formatPlatform(verdict: PlatformVerdict, leftovers: readonly Leftover[], colour: boolean): string {
  const { home, hash, state, because } = verdict;
  const name = home ?? `(home unknown, ${hash})`;
  const head = `${paint(colour, "bold", name)} is ${state}: ${because}${LET_BE.has(state) ? "; let be" : ""}\n`;
  return head + leftovers.map((one) => formatLeftover(one, colour)).join("");
}

function formatLeftover({ kind, name, ours, fate, error }: Leftover, colour: boolean): string {
  const [mark, style] = MARKS[fate];
  const why = error === undefined ? ours : `${ours}; it could not be removed: ${error}`;
  return `  ${paint(colour, style, mark)} ${kind} ${name} — ${why}\n`;
}

function summary({ dryRun, leftovers }: RepairReport): string {
  if (leftovers.length === 0) return "nothing of ours was left behind";
  const failed = leftovers.filter(({ fate }) => fate === "failed").length;
  const things = (count: number): string => `${count} thing${count === 1 ? "" : "s"}`;
  if (dryRun) return `${things(leftovers.length)} left behind; without --dry-run they are removed`;
  const removed = `${things(leftovers.length - failed)} removed`;
  return failed === 0 ? removed : `${removed}, ${failed} not`;
}
