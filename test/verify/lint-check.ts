import type { Check } from "./check.ts";
import { linesOf, runTool } from "./run-tool.ts";

interface LintReport {
  number_of_files: number;
  diagnostics: { message: string; code: string; filename: string; labels: { span: { line: number } }[] }[];
}

/** oxlint with its type-aware rules (oxlint-tsgolint), as .oxlintrc.json has them. */
export const lintCheck: Check = {
  name: "lint",
  remedy: "node_modules/.bin/oxlint --fix",
  async run(root, signal) {
    const { exitCode, stdout, stderr } = await runTool("oxlint", ["--format=json", "--deny-warnings"], root, signal);
    if (!stdout.trimStart().startsWith("{")) {
      return { files: 0, problems: [...linesOf(stdout), ...linesOf(stderr), `oxlint ended with exit code ${exitCode}`] };
    }
    const report = JSON.parse(stdout) as LintReport;
    const problems = report.diagnostics.map(
      ({ filename, labels, code, message }) => `${filename}:${labels[0]?.span.line ?? 1} ${code}: ${message}`,
    );
    if (exitCode !== 0 && problems.length === 0)
      problems.push(...linesOf(stderr), `oxlint ended with exit code ${exitCode}`);
    return { files: report.number_of_files, problems };
  },
};
