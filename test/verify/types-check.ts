import { join } from "node:path";
import type { Check } from "./check.ts";
import { linesOf, runTool } from "./run-tool.ts";

export const typesCheck: Check = {
  name: "types",
  remedy: "node_modules/.bin/tsc --noEmit",
  async run(root, signal) {
    const { exitCode, stdout, stderr } = await runTool(
      "tsc",
      ["--noEmit", "--pretty", "false", "--listFiles"],
      root,
      signal,
    );
    const [listed, said] = [linesOf(stdout), linesOf(stderr)];
    const isFile = (line: string): boolean => line.startsWith("/") && /\.[cm]?[tj]s$/.test(line);
    const ours = listed.filter(
      (line) => isFile(line) && line.startsWith(join(root, "/")) && !line.includes("/node_modules/"),
    );
    const problems = [...listed.filter((line) => !isFile(line)), ...said];
    if (exitCode !== 0 && problems.length === 0) problems.push(`tsc ended with exit code ${exitCode}`);
    return { files: ours.length, problems };
  },
};
