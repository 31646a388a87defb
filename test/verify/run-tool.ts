import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

export interface ToolResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs an npm package's command on the pinned Node, with a tree (not always this one) as its working directory. */
export async function runTool(command: string, args: string[], cwd: string, signal: AbortSignal): Promise<ToolResult> {
  const binary = join(import.meta.dirname, "../../node_modules/.bin", command);
  const child = spawn(process.execPath, [binary, ...args], { cwd, signal, stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  // What they print is read: without colours, which some print into a pipe where CI is set.
  return { exitCode, stdout: stripVTControlCharacters(stdout), stderr: stripVTControlCharacters(stderr) };
}

/** The lines that say something. */
export function linesOf(output: string): string[] {
  return output.split("\n").filter((line) => line.trim() !== "");
}
