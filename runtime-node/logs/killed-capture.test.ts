import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { captureLogs } from "./capture-logs.ts";
import type { LogCapture } from "./log-capture.ts";
import type { LogStream, StoredLogRecord } from "./log-record.ts";
import { readLogs } from "./read-logs.ts";

/** On an emulated processor a capture takes seconds to begin. */
const IS_EMULATED = process.env.SLIPWAY_TEST_VM !== undefined;
const KILLS = IS_EMULATED ? 4 : 12;
const TIMEOUT_MS = IS_EMULATED ? 360_000 : 60_000;
const MEGABYTE = 1024 * 1024;
const signal = new AbortController().signal;
let options: Omit<Parameters<typeof captureLogs>[0], "kernel" | "signal">;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-killed-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [stdoutPath, stderrPath] = [join(folder, "stdout"), join(folder, "stderr")];
  execFileSync("mkfifo", [stdoutPath, stderrPath]);
  const instance = { project: "shop", service: "web", name: "shop-web-1" };
  options = { stdoutPath, stderrPath, directory: join(folder, "log"), instance, maxFileBytes: 4 * MEGABYTE, maxFiles: 16 };
  // What is in a FIFO lives as long as somebody has it open: the supervisor, where there is no agent.
  const keepers = [stdoutPath, stderrPath].map((path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  onTestFinished(() => keepers.forEach((fd) => closeSync(fd)));
});

/** A container: it has its FIFOs open for reading and writing. */
function container(script: string): ChildProcess {
  const fds = [options.stdoutPath, options.stderrPath].map((path) => openSync(path, "r+"));
  const child = spawn("/usr/bin/perl", ["-e", script], { stdio: ["pipe", ...fds] });
  fds.forEach((fd) => closeSync(fd));
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

const capture = (): LogCapture => {
  const captured = captureLogs({ ...options, kernel: new LinuxKernel(), signal });
  onTestFinished(() => captured[Symbol.asyncDispose]());
  return captured;
};

/** A capture in a process of its own; resolves when it has begun. */
async function otherProcess(): Promise<ChildProcess> {
  const program = `
    import { LinuxKernel } from ${JSON.stringify(join(import.meta.dirname, "../kernel/linux-kernel.ts"))};
    import { captureLogs } from ${JSON.stringify(join(import.meta.dirname, "capture-logs.ts"))};
    const kernel = new LinuxKernel();
    captureLogs({ ...JSON.parse(process.argv[1]), kernel, signal: new AbortController().signal });
    process.stdout.write("open");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await Promise.race([once(child.stdout, "data"), once(child, "exit").then(() => expectAlive(child))]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  expectAlive(child);
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** What has ended already ends no second time: to wait for it would be for ever. */
function expectAlive({ pid, exitCode, signalCode, spawnargs }: ChildProcess): void {
  if (exitCode === null && signalCode === null) return;
  throw new Error(`${spawnargs[0]} (${pid}) ended by itself, with ${exitCode ?? signalCode}`);
}

/** The text of a stream, parts of over-long lines joined. */
function textOf(records: readonly StoredLogRecord[], stream: LogStream): string {
  return records
    .filter((record) => record.stream === stream)
    .map(({ line, partial }) => (partial ? line : `${line}\n`))
    .join("");
}

/** Not `toEqual`: a difference among thousands of lines is to be readable. */
function firstDifference(lines: readonly string[], expected: (number: number) => string): string | undefined {
  const index = lines.findIndex((line, at) => line !== expected(at + 1));
  return index === -1 ? undefined : `line ${index + 1}: ${lines.slice(Math.max(0, index - 2), index + 5).join(" | ")}`;
}

/** Counts up on both streams without a pause until its stdin says stop, then prints how far it came. */
const COUNTING = `
  $| = 1; my $n = 0; my $stop = ''; vec($stop, 0, 1) = 1;
  binmode STDOUT; select(STDERR); $| = 1; select(STDOUT);
  while (1) {
    for (1 .. 50) { $n++; print STDOUT "$n\\n"; print STDERR "e$n ", 'x' x (1 + $n % 200), "\\n" }
    last if select(my $ready = $stop, undef, undef, 0);
  }
  print STDOUT "last $n";`;

test(
  "a capture that is killed again and again under heavy output loses no byte and writes none twice",
  { timeout: TIMEOUT_MS },
  async () => {
    const writer = container(COUNTING);
    for (let count = 0; count < KILLS; count++) {
      const other = await otherProcess();
      // Some way into the flood, at another place each time.
      await delay(count * 7);
      await kill(other);
    }
    expectAlive(writer);
    writer.stdin!.end();
    const last = capture();
    await once(writer, "exit");
    last.finish();
    expect(await last.ended).toBe("eof");
    const records = await Array.fromAsync(readLogs(options.directory, { signal }));
    const written = textOf(records, "stdout").trimEnd().split("\n");
    const count = written.length - 1;
    expect(count).toBeGreaterThan(KILLS * 100);
    expect(firstDifference(written, (number) => (number > count ? `last ${count}` : String(number)))).toBeUndefined();
    const errors = textOf(records, "stderr").trimEnd().split("\n");
    expect(errors).toHaveLength(count);
    expect(firstDifference(errors, (number) => `e${number} ${"x".repeat(1 + (number % 200))}`)).toBeUndefined();
  },
);

test("half a line survives a kill, and so does what a container wrote that ended before the next capture", async () => {
  const other = await otherProcess();
  const writer = container(`$| = 1; print "whole\\nhalf"; <STDIN>; print " a line\\nlast words"`);
  while (statSync(`${options.stdoutPath}.spool`).size < "whole\nhalf".length) await delay(5);
  await kill(other);
  writer.stdin!.end("\n");
  await once(writer, "exit");
  const last = capture();
  last.finish();
  await last.ended;
  const records = await Array.fromAsync(readLogs(options.directory, { signal }));
  expect(records.map(({ line, partial }) => [line, partial])).toEqual([
    ["whole", false],
    ["half a line", false],
    ["last words", false],
  ]);
});

test("the spool takes no more room than what is on its way", async () => {
  const captured = capture();
  const writer = container(`print "x" x 99, "\\n" for 1 .. 100_000`);
  await once(writer, "exit");
  captured.finish();
  await captured.ended;
  const { size, blocks } = statSync(`${options.stdoutPath}.spool`);
  expect(size).toBe(10_000_000);
  expect(blocks * 512).toBeLessThanOrEqual(8192);
});

test("a spool that is gone (the machine was rebooted without it) costs what was in it, and nothing that comes later", async () => {
  const first = capture();
  await once(container(`print "before\\n"`), "exit");
  first.finish();
  await first.ended;
  truncateSync(`${options.stdoutPath}.spool`);
  const second = capture();
  await once(container(`print "after\\n"`), "exit");
  second.finish();
  await second.ended;
  const records = await Array.fromAsync(readLogs(options.directory, { signal }));
  expect(records.map(({ line }) => line)).toEqual(["before", "after"]);
});
