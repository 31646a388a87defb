import { join } from "node:path";
import { type Verdict, judge } from "./check.ts";
import { deadCodeCheck } from "./dead-code-check.ts";
import { formatCheck } from "./format-check.ts";
import { importDirectionCheck } from "./import-direction-check.ts";
import { lintCheck } from "./lint-check.ts";
import { typesCheck } from "./types-check.ts";

const CHECKS = [formatCheck, lintCheck, typesCheck, importDirectionCheck, deadCodeCheck];
const TIME_LIMIT_MS = 300_000;

function print({ name, passed, files, problems, remedy }: Verdict): void {
  process.stdout.write(`verify: ${name}: ${files} files, ${passed ? "ok" : `${problems.length} problems`}\n`);
  for (const problem of problems) process.stdout.write(`  ${problem}\n`);
  if (!passed) process.stdout.write(`  (${remedy})\n`);
}

const root = join(import.meta.dirname, "../..");
for (const check of CHECKS) {
  const verdict = await judge(check, root, AbortSignal.timeout(TIME_LIMIT_MS));
  print(verdict);
  if (!verdict.passed) process.exitCode = 1;
}
