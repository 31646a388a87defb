import { PassThrough } from "node:stream";
import { runCommand } from "../run-command.ts";
import type { ContractServer } from "./contract-server.ts";

export interface CommandOutcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  server?: ContractServer;
  environment?: Record<string, string>;
  stdin?: string;
  /** The width of a terminal; a pipe when absent. */
  columns?: number;
  /** Called with what sends signals to the command, where it takes them. */
  onSignals?: (send: (name: NodeJS.Signals) => void) => void;
}

/** One command, in this process, on pipes of its own. */
export async function runInProcess(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  const { server, environment = {}, stdin = "", columns, onSignals } = options;
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  streams.stdin.end(stdin);
  const width = columns === undefined ? {} : { columns, isTTY: true };
  const terminal = {
    stdin: streams.stdin,
    stdout: Object.assign(streams.stdout, width),
    stderr: Object.assign(streams.stderr, width),
    colour: false,
    colourErrors: false,
  };
  const stdout = collect(streams.stdout);
  const stderr = collect(streams.stderr);
  const host = server === undefined ? {} : { SLIPWAY_HOST: `unix://${server.socketPath}` };
  const take = (onSignal: (name: NodeJS.Signals) => void): Disposable => {
    let taken = true;
    onSignals?.((name) => {
      if (taken) onSignal(name);
    });
    return { [Symbol.dispose]: () => void (taken = false) };
  };
  const signals = { signal: new AbortController().signal, take };
  const exitCode = await runCommand(args, { environment: { ...host, ...environment }, terminal, signals });
  streams.stdout.end();
  streams.stderr.end();
  return { exitCode, stdout: await stdout, stderr: await stderr };
}

async function collect(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
