import { join } from "node:path";
import type { Check, CheckOutcome } from "./check.ts";
import { linesOf, runTool } from "./run-tool.ts";

const REPORTER = join(import.meta.dirname, "knip-reporter.mjs");

/** knip: files nothing reaches, exports nobody imports, packages nobody needs or nobody declared. */
export const deadCodeCheck: Check = {
  name: "dead code",
  remedy: "node_modules/.bin/knip; remove it, or name its entry in knip.jsonc",
  async run(root, signal) {
    const { exitCode, stdout, stderr } = await runTool("knip", ["--no-progress", "--reporter", REPORTER], root, signal);
    if (stdout.startsWith("{")) return JSON.parse(stdout) as CheckOutcome;
    return { files: 0, problems: [...linesOf(stdout), ...linesOf(stderr), `knip ended with exit code ${exitCode}`] };
  },
};
