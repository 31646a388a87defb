import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ObservedInstance } from "#contracts/instance.ts";
import { homeLayout } from "#contracts/home.ts";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { type CommandOptions, type CommandResult, RunningCommand } from "./command.ts";
import { freePort } from "./free-port.ts";
import { assertNothingRemains } from "./remains.ts";
import { TestProject } from "./project.ts";

const LAUNCHER = join(PACKAGE_ROOT, "slipway");
const START_MS = 60_000;
const STOP_MS = 60_000;
/** A server lives as long as its test file. */
const SERVER_MS = 15 * 60_000;
const TAIL_LINES = 25;
const ALIVE_POLL_MS = 10;

export type PlatformProcessName = "server" | "agent" | "control" | "gateway" | "nats-server";

/** `ps -o json` names an instance's id plainly. */
export type Listed = Omit<ObservedInstance, "instanceId"> & { id: string };

export interface TestPlatformOptions {
  env?: Record<string, string>;
  /** More arguments of `slipway server`. */
  args?: string[];
  /** After so long the server is ended, whatever it does: 15 minutes when absent. */
  livesMs?: number;
}

/**
 * The real server on a fresh home and free ports, driven by the real CLI. Disposal takes all down, ends the server, and asserts
 * that the machine has nothing of it any more.
 */
export class TestPlatform implements AsyncDisposable {
  readonly home: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly #options: TestPlatformOptions;
  readonly #folder: string;
  #server: RunningCommand | undefined;
  #projects = 0;

  private constructor(folder: string, [httpPort, httpsPort]: [number, number], options: TestPlatformOptions) {
    this.#folder = folder;
    this.home = join(folder, "h");
    this.httpPort = httpPort;
    this.httpsPort = httpsPort;
    this.#options = options;
  }

  /** Starts a server; resolves when it says that it is ready. */
  static async start(options: TestPlatformOptions = {}): Promise<TestPlatform> {
    // Short, since paths of sockets and overlay options are bounded; passable, as a home's parent is on a real machine.
    const folder = await mkdtemp(join(process.env["SLIPWAY_TEST_DISK"] ?? tmpdir(), "slipway-e"));
    await chmod(folder, 0o711);
    const platform = new TestPlatform(folder, [await freePort(), await freePort()], options);
    try {
      await platform.startServer();
    } catch (error) {
      await platform[Symbol.asyncDispose]().catch(() => {});
      throw error;
    }
    return platform;
  }

  /** Starts the server, also once more on the same home after `stopServer` or `crash("server")`. */
  async startServer(): Promise<void> {
    const ports = ["--http-port", String(this.httpPort), "--https-port", String(this.httpsPort)];
    const { args: more = [], livesMs = SERVER_MS } = this.#options;
    const args = ["server", "--home", this.home, ...ports, ...more];
    this.#server = new RunningCommand(LAUNCHER, args, { ...this.#commandOptions({}), timeoutMs: livesMs });
    const timer = setTimeout(() => this.#server?.child.kill("SIGKILL"), START_MS);
    await this.#server.line(/^slipway: ready/);
    clearTimeout(timer);
  }

  /** SIGTERM to the server; resolves with its exit code and output when it has ended. Containers run on. */
  async stopServer(): Promise<CommandResult> {
    const server = this.#server!;
    this.#server = undefined;
    server.child.kill("SIGTERM");
    const timer = setTimeout(() => server.child.kill("SIGKILL"), STOP_MS);
    // Not "close": a container that runs on may hold the pipe.
    if (server.child.exitCode === null && server.child.signalCode === null) await once(server.child, "exit");
    clearTimeout(timer);
    server.child.stdout.destroy();
    server.child.stderr.destroy();
    return server.result;
  }

  /** kill -9 of one of its processes, which is waited for when it was killed a moment ago; resolves when that one is dead. */
  async crash(name: PlatformProcessName): Promise<void> {
    const pid = await this.livePidOf(name);
    process.kill(pid, "SIGKILL");
    if (name === "server") {
      const server = this.#server!;
      this.#server = undefined;
      if (server.child.signalCode === null) await once(server.child, "exit");
      server.child.stdout.destroy();
      server.child.stderr.destroy();
    } else {
      while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The host's pid of one of its processes, as it is now. */
  pidOf(name: PlatformProcessName): number {
    if (name === "server") return this.#server!.child.pid!;
    const known = JSON.parse(readFileSync(join(homeLayout(this.home).run, "processes.json"), "utf8")) as {
      name: string;
      pid: number;
    }[];
    const found = known.find((one) => one.name === name);
    if (found === undefined)
      throw new Error(`the platform has no process ${name}: ${known.map((one) => one.name).join(", ")}`);
    return found.pid;
  }

  /** As pidOf; waits for a process that is being started again. */
  async livePidOf(name: PlatformProcessName): Promise<number> {
    for (;;) {
      const pid = this.pidOf(name);
      if (isAlive(pid)) return pid;
      await new Promise((resolve) => setTimeout(resolve, ALIVE_POLL_MS));
    }
  }

  /** What the server said on its stdout so far. */
  get serverOutput(): string {
    return this.#server?.stdout ?? "";
  }

  /** Runs one verb to its end. */
  slipway(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.spawn(args, options).result;
  }

  /** Starts one verb, and leaves it running. */
  spawn(args: readonly string[], options: CommandOptions = {}): RunningCommand {
    return new RunningCommand(LAUNCHER, args, this.#commandOptions(options));
  }

  /** Runs a verb that must succeed; its stdout. */
  async ok(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.slipway(args, options);
    if (exitCode === 0) return stdout;
    throw new Error(`slipway ${args.join(" ")} ended with ${exitCode}\nstdout: ${stdout}\nstderr: ${stderr}`);
  }

  /** Runs a verb with `-o json`, which must succeed; what it printed. */
  async json<T = unknown>(args: readonly string[], options: CommandOptions = {}): Promise<T> {
    return JSON.parse(await this.ok([...args, "-o", "json"], options)) as T;
  }

  ps(...args: string[]): Promise<Listed[]> {
    return this.json<Listed[]>(["ps", "-a", ...args]);
  }

  /** Writes a project's files (`compose.yaml` among them; a string is that one alone) to a folder of its own. */
  async compose(files: string | Record<string, string>, name = `p${++this.#projects}`): Promise<TestProject> {
    const folder = join(this.#folder, name);
    const all = typeof files === "string" ? { "compose.yaml": files } : files;
    for (const [path, content] of Object.entries(all)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    return new TestProject(this, name, folder);
  }

  /** A new empty folder that goes with the platform. */
  async scratch(name: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** The last lines of the server's output and of each process's log. */
  tail(): string {
    const { logs } = homeLayout(this.home);
    const files = readdirSync(logs).filter((name) => name.endsWith(".log"));
    const texts = files.map((name) => [name, readFileSync(join(logs, name), "utf8")] as const);
    return [["server", this.serverOutput + (this.#server?.stderr ?? "")] as const, ...texts]
      .map(([name, text]) => `--- ${name}\n${text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n")}`)
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rm(this.#folder, { recursive: true, force: true }));
    cleanup.defer(() => assertNothingRemains(this.home));
    cleanup.defer(async () => void (this.#server === undefined || (await this.stopServer())));
    if (this.#server !== undefined) await this.#downAll();
  }

  async #downAll(): Promise<void> {
    try {
      await this.ok(["down", "--all", "-v"], { timeoutMs: STOP_MS });
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\n${this.tail()}`, { cause });
    }
  }

  #commandOptions(options: CommandOptions): CommandOptions {
    return { ...options, env: { SLIPWAY_HOME: this.home, ...this.#options.env, ...options.env } };
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
