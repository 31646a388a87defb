import { relative } from "node:path";

/**
 * knip's reporters print issues only; ours also tells how many files it read.
 * @param {{ issues: Record<string, unknown>, counters: { processed: number, total: number }, configurationHints?: unknown[] }} result
 */
export default function report({ issues, counters }) {
  /** @type {string[]} */
  const problems = [];
  for (const [type, byFile] of Object.entries(issues)) {
    if (typeof byFile !== "object" || byFile === null || byFile instanceof Set) continue;
    for (const issuesOfFile of Object.values(byFile)) {
      for (const issue of Object.values(issuesOfFile)) {
        problems.push(
          `${relative(process.cwd(), issue.filePath ?? "")}:${issue.line ?? 1} unused or undeclared (${type}): ${issue.symbol}`,
        );
      }
    }
  }
  process.stdout.write(JSON.stringify({ files: counters.total, problems }));
}
