import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Runs a program of this machine and returns what it printed; an error says what it complained about. */
export async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const options = { encoding: "utf8" as const, maxBuffer: 256 * 1024 * 1024, ...(cwd === undefined ? {} : { cwd }) };
  const { stdout } = await execute(command, args, options);
  return stdout;
}
