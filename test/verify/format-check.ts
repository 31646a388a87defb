import type { Check } from "./check.ts";
import { linesOf, runTool } from "./run-tool.ts";

export const formatCheck: Check = {
  name: "format",
  remedy: "node_modules/.bin/oxfmt",
  async run(root, signal) {
    const { exitCode, stdout, stderr } = await runTool("oxfmt", ["--check"], root, signal);
    const files = Number(/ on (\d+) files?/.exec(stdout)?.[1] ?? 0);
    const unformatted = linesOf(stdout)
      .filter((line) => / \(\d+ms\)$/.test(line))
      .map((line) => `${line.replace(/ \(\d+ms\)$/, "")} is not formatted`);
    const failed = exitCode !== 0 && unformatted.length === 0;
    return { files, problems: failed ? [...linesOf(stderr), `oxfmt ended with exit code ${exitCode}`] : unformatted };
  },
};
