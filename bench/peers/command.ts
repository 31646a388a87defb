import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const COMMAND_MS = 120_000;
const DAEMON_MS = 30_000;
const POLL_MS = 20;

export type Environment = Record<string, string>;

/** Runs a command that must succeed; its stdout. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: Environment; cwd?: string; input?: string } = {},
): Promise<string> {
  const { env, cwd, input } = options;
  const child = spawn(command, args, {
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
    timeout: COMMAND_MS,
    killSignal: "SIGKILL",
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin?.end(input);
  const output = ["", ""];
  for (const [index, stream] of [child.stdout, child.stderr].entries())
    stream?.setEncoding("utf8").on("data", (text: string) => (output[index] += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return output[0] ?? "";
  throw new Error(`${command} ${args.slice(0, 3).join(" ")} ended with ${code}: ${(output[1] ?? "").trim().slice(-500)}`);
}

export interface Daemon extends AsyncDisposable {
  pid: number;
}

/** Starts a daemon that logs to a file; resolves when `isUp` succeeds. Ends with SIGTERM. */
export async function startDaemon(
  command: readonly string[],
  { log, env, isUp }: { log: string; env?: Environment; isUp: () => Promise<unknown> },
): Promise<Daemon> {
  const fd = openSync(log, "a");
  const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", fd, fd], env: { ...process.env, ...env } });
  closeSync(fd);
  const ended = once(child, "exit");
  await once(child, "spawn");
  const deadline = performance.now() + DAEMON_MS;
  for (;;) {
    if (await succeeds(isUp)) break;
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${command[0]} did not come up: ${readFileSync(log, "utf8").trim().slice(-500)}`);
    }
    await delay(POLL_MS);
  }
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await Promise.race([ended, delay(DAEMON_MS / 3, undefined, { ref: false })]);
      child.kill("SIGKILL");
    },
  };
}

async function succeeds(isUp: () => Promise<unknown>): Promise<boolean> {
  try {
    await isUp();
    return true;
  } catch {
    return false;
  }
}
