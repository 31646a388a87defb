import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";
import type { Readable, Writable } from "node:stream";

export interface CommandOptions {
  /** Written to stdin, which then ends. */
  stdin?: string | Uint8Array;
  /** Leaves stdin to the caller. */
  keepStdinOpen?: boolean;
  /** Then it is killed, which fails the test. 30 seconds when absent. */
  timeoutMs?: number;
  env?: Record<string, string>;
  cwd?: string;
}

export interface CommandResult {
  /** 128+n when signal n ended the command itself. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

const TIMEOUT_MS = 30_000;
const SIGNAL_EXIT = { SIGINT: 130, SIGKILL: 137, SIGTERM: 143 } as const;

/** What a stream has said, as text and as whole lines. */
class OutputLines {
  readonly lines: string[] = [];
  readonly #chunks: Buffer[] = [];
  readonly #decoder = new StringDecoder("utf8");
  #partial = "";

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    const parts = (this.#partial + this.#decoder.write(chunk)).split("\n");
    this.#partial = parts.pop()!;
    this.lines.push(...parts);
  }
}

/** A command that runs. Disposal kills it, if it still does. */
export class RunningCommand implements AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly result: Promise<CommandResult>;
  readonly #name: string;
  readonly #output = { stdout: new OutputLines(), stderr: new OutputLines() };
  readonly #timer: NodeJS.Timeout;
  #isTimedOut = false;

  constructor(command: string, args: readonly string[], options: CommandOptions) {
    const { stdin, keepStdinOpen, timeoutMs = TIMEOUT_MS, env, cwd } = options;
    this.#name = [command, ...args].join(" ");
    this.child = spawn(command, args, {
      stdio: "pipe",
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    for (const stream of ["stdout", "stderr"] as const)
      this.child[stream].on("data", (chunk: Buffer) => this.#output[stream].add(chunk));
    // A command that ends without reading all of its input is no error of ours.
    this.child.stdin.on("error", () => {});
    if (keepStdinOpen !== true) this.child.stdin.end(stdin ?? "");
    // SIGKILL, since the CLI hands other signals on to the container.
    this.#timer = setTimeout(() => {
      this.#isTimedOut = true;
      this.child.kill("SIGKILL");
    }, timeoutMs);
    this.result = this.#finish();
    this.result.catch(() => {});
  }

  get stdout(): string {
    return this.#output.stdout.text;
  }

  get stderr(): string {
    return this.#output.stderr.text;
  }

  /** Resolves with the first line that matches, also one that was printed before; throws when the command ends without it. */
  async line(pattern: RegExp, stream: "stdout" | "stderr" = "stdout"): Promise<string> {
    const output = this.#output[stream];
    const found = Promise.withResolvers<string>();
    let next = 0;
    const look = (): void => {
      const line = output.lines.slice(next).find((one) => pattern.test(one));
      next = output.lines.length;
      if (line !== undefined) found.resolve(line);
    };
    this.child[stream].on("data", look);
    look();
    void this.result.then(({ exitCode, stdout, stderr }) => {
      look();
      found.reject(new Error(`${this.#name} ended with ${exitCode} before a line ${pattern}\n${stdout}${stderr}`));
    }, found.reject);
    try {
      return await found.promise;
    } finally {
      this.child[stream].off("data", look);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.result.catch(() => {});
  }

  async #finish(): Promise<CommandResult> {
    const [code, signal] = (await once(this.child, "close")) as [number | null, NodeJS.Signals | null];
    clearTimeout(this.#timer);
    const result = {
      exitCode: code ?? SIGNAL_EXIT[signal as keyof typeof SIGNAL_EXIT] ?? 128,
      stdout: this.stdout,
      stderr: this.stderr,
    };
    if (!this.#isTimedOut) return result;
    throw new Error(
      `${this.#name} did not end in time\nstdout: ${result.stdout.slice(-2000)}\nstderr: ${result.stderr.slice(-2000)}`,
    );
  }
}
