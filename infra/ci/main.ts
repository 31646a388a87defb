import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestReport, addTotals, failedTests, skippedTests, totalsOf } from "./test-report.ts";

/** What CI ran, and how many of its tests may be skipped: each says its reason, and this many reasons are known. */
const RUNS = [
  { report: "tests.json", maxSkipped: 30 },
  { report: "vm-6.1.json", maxSkipped: 35 },
  { report: "vm-6.12.json", maxSkipped: 15 },
  { report: "vm-systemd-first-boot.json", maxSkipped: 0 },
  { report: "vm-systemd-second-boot.json", maxSkipped: 0 },
];

async function readReport(file: string): Promise<TestReport | undefined> {
  try {
    return JSON.parse(await readFile(join(import.meta.dirname, "../../.slipway/test", file), "utf8")) as TestReport;
  } catch (error) {
    process.stdout.write(`ci: no report ${file}: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

const reports = await Promise.all(RUNS.map(({ report }) => readReport(report)));
for (const [index, report] of reports.entries()) {
  const { report: file, maxSkipped } = RUNS[index]!;
  const skipped = skippedTests(report);
  for (const name of skipped) process.stdout.write(`ci: skipped (${file}): ${name}\n`);
  if (skipped.length > maxSkipped) {
    process.stdout.write(`ci: ${skipped.length} tests of ${file} were skipped, at most ${maxSkipped} may be\n`);
    process.exitCode = 1;
  }
}
for (const [index, report] of reports.entries()) {
  for (const failure of failedTests(report)) process.stdout.write(`ci: failed (${RUNS[index]!.report}): ${failure}\n`);
}
const { passed, failed, skipped } = addTotals(reports.map(totalsOf));
if (failed > 0 || passed === 0) process.exitCode = 1;
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
