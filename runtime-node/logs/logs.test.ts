import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { type CaptureOptions, captureLogs } from "./capture-logs.ts";
import type { LogCapture } from "./log-capture.ts";
import { processLogHub } from "./log-hub.ts";
import { positionOf, type StoredLogRecord } from "./log-record.ts";
import { OutputLimits } from "./output-limit.ts";
import { readLogs, type ReadLogsOptions } from "./read-logs.ts";

const kernel = new LinuxKernel();
const MEGABYTE = 1024 * 1024;
let folder: string;
let log: string;
let stdoutPath: string;
let stderrPath: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-logs-"));
  log = join(folder, "log");
  stdoutPath = join(folder, "stdout");
  stderrPath = join(folder, "stderr");
  execFileSync("mkfifo", [stdoutPath, stderrPath]);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function capture(options: Partial<CaptureOptions> = {}): LogCapture {
  const captured = captureLogs({
    kernel,
    stdoutPath,
    stderrPath,
    directory: log,
    instance: { project: "shop", service: "web", name: "shop-web-1" },
    maxFileBytes: 10 * MEGABYTE,
    maxFiles: 5,
    signal: new AbortController().signal,
    ...options,
  });
  onTestFinished(() => captured[Symbol.asyncDispose]());
  return captured;
}

/** A process that holds the FIFOs as a container does: open for reading and writing. */
function writer(script: string): ChildProcess {
  const stdout = openSync(stdoutPath, "r+");
  const stderr = openSync(stderrPath, "r+");
  const child = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", stdout, stderr] });
  closeSync(stdout);
  closeSync(stderr);
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function read(options: Partial<ReadLogsOptions> = {}): Promise<StoredLogRecord[]> {
  return Array.fromAsync(readLogs(log, { signal: new AbortController().signal, ...options }));
}

async function lines(options: Partial<ReadLogsOptions> = {}): Promise<string[]> {
  return (await read(options)).map(({ line }) => line);
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

test("writes both streams apart, with a time, in the order of arrival", async () => {
  const captured = capture();
  const before = new Date().toISOString();
  writer("echo out; read line; echo err >&2; read line; printf unfinished").stdin?.end("\n\n");
  expect(await captured.ended).toBe("eof");
  const records = await read();
  expect(records.map(({ stream, line, partial }) => [stream, line, partial])).toEqual([
    ["stdout", "out", false],
    ["stderr", "err", false],
    ["stdout", "unfinished", false],
  ]);
  expect(records[0]?.time && records[0].time >= before).toBe(true);
});

test("100,000 lines of a fast writer, rotated and followed: all of them, in order", async () => {
  const captured = capture({ maxFileBytes: MEGABYTE, maxFiles: 50 });
  const until = new AbortController();
  const followed = lines({ follow: true, until: until.signal });
  writer("seq 1 100000");
  expect(await captured.ended).toBe("eof");
  until.abort();
  const expected = numbers(1, 100_000);
  expect(await followed).toEqual(expected);
  expect(await lines()).toEqual(expected);
  expect(readdirSync(log).length).toBeGreaterThan(5);
});

test("a follower misses nothing although rotation deletes what it has not read yet", async () => {
  const captured = capture({ maxFileBytes: 256 * 1024, maxFiles: 2 });
  const until = new AbortController();
  const seen: string[] = [];
  const follower = (async () => {
    for await (const { line } of readLogs(log, {
      follow: true,
      until: until.signal,
      signal: new AbortController().signal,
    })) {
      if (seen.length === 0) await captured.ended;
      seen.push(line);
    }
  })();
  writer("seq 1 20000");
  await captured.ended;
  until.abort();
  await follower;
  expect(seen).toEqual(numbers(1, 20_000));
  expect(readdirSync(log)).toHaveLength(2);
});

test("files are rotated before they are too large, and the oldest go", async () => {
  const captured = capture({ maxFileBytes: 10_000, maxFiles: 3 });
  writer("seq 1 2000");
  await captured.ended;
  const files = readdirSync(log);
  expect(files).toHaveLength(3);
  for (const file of files) expect(readFileSync(join(log, file)).byteLength).toBeLessThanOrEqual(10_000);
  const kept = await lines();
  expect(kept).toEqual(numbers(2001 - kept.length, 2000));
});

test.each([0, 1, 7, 999, 2000, 5000])("the last %i lines are found from the end, over files", async (tail) => {
  const captured = capture({ maxFileBytes: 20_000, maxFiles: 50 });
  writer("seq 1 2000");
  await captured.ended;
  expect(await lines({ tail })).toEqual(numbers(1, 2000).slice(-tail || 2000));
});

test("follows from the last lines on, while the container writes", async () => {
  const captured = capture();
  const child = writer("echo one; echo two; read line; echo three; read line; echo four");
  const until = new AbortController();
  const follower = readLogs(log, { tail: 1, follow: true, until: until.signal, signal: new AbortController().signal })[
    Symbol.asyncIterator
  ]();
  await arrived(captured, "two");
  expect((await follower.next()).value.line).toBe("two");
  child.stdin?.write("\n");
  expect((await follower.next()).value.line).toBe("three");
  child.stdin?.write("\n");
  expect((await follower.next()).value.line).toBe("four");
  await captured.ended;
  until.abort();
  expect(await follower.next()).toEqual({ done: true, value: undefined });
});

test("a follower that comes before the container gets its first line", async () => {
  const follower = readLogs(log, { follow: true, signal: new AbortController().signal })[Symbol.asyncIterator]();
  const first = follower.next();
  const captured = capture();
  writer("echo hello");
  expect((await first).value.line).toBe("hello");
  await captured.ended;
  await follower.return?.();
});

test("a log that is not there has no lines, and an aborted follower ends", async () => {
  expect(await lines()).toEqual([]);
  expect(await lines({ tail: 5 })).toEqual([]);
  const controller = new AbortController();
  const followed = lines({ follow: true, signal: controller.signal });
  await turns(10);
  controller.abort();
  expect(await followed).toEqual([]);
});

test("leaves away what is older than asked for", async () => {
  const captured = capture();
  writer("echo now");
  await captured.ended;
  expect(await lines({ since: new Date(Date.now() + 60_000) })).toEqual([]);
  expect(await lines({ since: new Date(Date.now() - 60_000) })).toEqual(["now"]);
});

test("another process's log is followed by watching its folder, across rotation", async () => {
  const program = `
    import { LinuxKernel } from ${JSON.stringify(join(import.meta.dirname, "../kernel/linux-kernel.ts"))};
    import { captureLogs } from ${JSON.stringify(join(import.meta.dirname, "capture-logs.ts"))};
    const kernel = new LinuxKernel();
    const captured = captureLogs({ ...JSON.parse(process.argv[1]), kernel, signal: new AbortController().signal });
    process.stdout.write("open");
    await captured.ended;`;
  const instance = { project: "p", service: "s", name: "n" };
  const options = JSON.stringify({ stdoutPath, stderrPath, directory: log, instance, maxFileBytes: 20_000, maxFiles: 50 });
  const other = spawn(process.execPath, ["--input-type=module", "-e", program, options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void other.kill("SIGKILL"));
  await once(other.stdout, "data");
  const until = new AbortController();
  const followed = lines({ follow: true, until: until.signal });
  writer("seq 1 3000");
  await once(other, "exit");
  until.abort();
  expect(await followed).toEqual(numbers(1, 3000));
});

test("a capture that was detached is continued by the next, and no byte is lost between them", async () => {
  const first = capture();
  const child = writer("seq 1 1000; printf half; read line; seq 1001 3000");
  // What is in a FIFO lives as long as somebody has it open: the supervisor, where there is no agent.
  const keepers = [stdoutPath, stderrPath].map((path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  await arrived(first, "half");
  await first[Symbol.asyncDispose]();
  expect(await first.ended).toBe("detached");
  child.stdin?.write("\n");
  await once(child, "exit");
  const second = capture();
  second.finish();
  keepers.forEach((fd) => closeSync(fd));
  expect(await second.ended).toBe("eof");
  const records = await read();
  const joined = records.map(({ line, partial }) => (partial ? line : `${line}\n`)).join("");
  expect(joined).toBe([...numbers(1, 1000), "half1001", ...numbers(1002, 3000), ""].join("\n"));
});

test("a reader goes on after the last record that it had, over rotation, and from the start where the log is another", async () => {
  const captured = capture({ maxFileBytes: 20_000, maxFiles: 50 });
  writer("seq 1 2000");
  await captured.ended;
  const all = await read();
  for (const index of [0, 700, 1998]) {
    const after = positionOf(all[index]!);
    expect(await lines({ after })).toEqual(numbers(index + 2, 2000));
  }
  expect(await lines({ after: positionOf(all.at(-1)!) })).toEqual([]);
  expect(await lines({ after: { stdout: 10_000_000, stderr: 0 } })).toHaveLength(2000);
});

test("what a killed agent left half written is repaired", async () => {
  const first = capture();
  writer("echo whole");
  await first.ended;
  appendFileSync(join(log, "current.ndjson"), '{"time":"2026-01-01T00:00:00.000Z","stream":"std');
  const second = capture();
  writer("echo next");
  await second.ended;
  expect(await lines()).toEqual(["whole", "next"]);
  expect(readFileSync(join(log, "current.ndjson"), "utf8")).not.toContain('"std{');
});

test("the end of a container that ended before the capture began is seen when it is said", async () => {
  const holder = openSync(stdoutPath, constants.O_RDWR);
  writeSync(holder, "last words\n");
  const captured = capture();
  closeSync(holder);
  captured.finish();
  expect(await captured.ended).toBe("eof");
  expect(await lines()).toEqual(["last words"]);
});

test("a subscriber gets the raw bytes, and holds the container back while it is busy", async () => {
  const captured = capture();
  const busy = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  let received = 0;
  captured.subscribe(async (_stream, chunk) => {
    received += chunk.byteLength;
    first.resolve();
    await busy.promise;
  });
  const container = openSync(stdoutPath, constants.O_RDWR | constants.O_NONBLOCK);
  let written = fill(container);
  await first.promise;
  // One more chunk is taken in and kept; then nobody reads.
  for (let round = 0; round < 3; round++) {
    await turns(50);
    written += fill(container);
  }
  await turns(50);
  expect(fill(container)).toBe(0);
  busy.resolve();
  closeSync(container);
  captured.finish();
  expect(await captured.ended).toBe("eof");
  expect(received).toBe(written);
});

test("what was read and held back is not lost when the capture is detached", async () => {
  const first = capture();
  const taken = Promise.withResolvers<void>();
  first.subscribe(() => {
    taken.resolve();
    return new Promise(() => undefined);
  });
  const container = openSync(stdoutPath, constants.O_RDWR);
  writeSync(container, "one\n");
  await taken.promise;
  writeSync(container, "two\n");
  await turns(50);
  await first[Symbol.asyncDispose]();
  writeSync(container, "three\n");
  const second = capture();
  closeSync(container);
  second.finish();
  await second.ended;
  expect(await lines()).toEqual(["one", "two", "three"]);
});

test("a subscriber that throws or leaves holds nobody up", async () => {
  const captured = capture();
  captured.subscribe(() => {
    throw new Error("broken");
  });
  const left = captured.subscribe(() => new Promise(() => undefined));
  const child = writer("echo one; read line; seq 1 5000");
  await arrived(captured, "one");
  left[Symbol.dispose]();
  child.stdin?.end("\n");
  expect(await captured.ended).toBe("eof");
  expect(await lines()).toHaveLength(5001);
});

test("a full disk stops neither the capture nor the container, and the loss is counted in the log", async () => {
  execFileSync("mkdir", [log]);
  kernel.call("mount", "tmpfs", log, "tmpfs", 0, "size=1m");
  try {
    writeFileSync(join(log, "ballast"), Buffer.alloc(MEGABYTE - 8192));
    const captured = capture();
    const firstWrite = nextWrite();
    const child = writer("echo first; read line; seq 1 5000; echo flooded; read line; echo last");
    await firstWrite;
    child.stdin?.write("\n");
    await arrived(captured, "flooded");
    await nextWrite();
    rmSync(join(log, "ballast"));
    child.stdin?.end("\n");
    expect(await captured.ended).toBe("eof");
    const kept = await lines();
    const lost = kept.map((line) => Number(/^slipway: (\d+) lines of shop\/web\/shop-web-1/.exec(line)?.[1] ?? 0));
    expect([kept[0], kept.at(-1)]).toEqual(["first", "last"]);
    expect(lost.reduce((sum, count) => sum + count)).toBe(5003 - kept.filter((line) => !line.startsWith("slipway")).length);
    expect(Math.max(...lost)).toBeGreaterThan(0);
  } finally {
    kernel.call("umount2", log, 2);
  }
});

test("a flood is held back and loses nothing, what is left when the container is gone is read at once, and it is said once", async () => {
  const floods: number[] = [];
  const limit = new OutputLimits(() => 0).open((bytesPerSecond) => floods.push(bytesPerSecond));
  // Hours of what it may write in a second: nothing more is read.
  limit.take(100_000 * MEGABYTE);
  const captured = capture({ limit, maxFileBytes: 100 * MEGABYTE });
  const child = writer("seq 1 100000");
  await arrived(captured, "1\n");
  await turns(50);
  expect(await lines()).not.toContain("100000");
  // The limit ends with the container.
  captured.finish();
  await once(child, "exit");
  expect(await captured.ended).toBe("eof");
  expect(await lines()).toEqual(numbers(1, 100_000));
  expect(floods).toHaveLength(1);
});

test("without a FIFO there is no capture, and no file stays open", () => {
  rmSync(stderrPath);
  writeFileSync(stderrPath, "");
  const open = readdirSync("/proc/self/fd").length;
  expect(() => capture()).toThrow(expect.objectContaining({ code: "SLIPWAY_LOGS_FIFO_UNUSABLE" }));
  expect(readdirSync("/proc/self/fd")).toHaveLength(open);
});

/** Resolves when the raw output has contained a text. */
async function arrived(captured: LogCapture, text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = "";
  using _subscription = captured.subscribe((_stream, chunk) => {
    seen += Buffer.from(chunk).toString("latin1");
    if (seen.includes(text)) resolve();
  });
  await promise;
}

/** Resolves when the capture has next written, or failed to. */
async function nextWrite(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _subscription = processLogHub.subscribe(log, () => resolve());
  await promise;
}

/** Writes until a non-blocking FIFO takes no more; the bytes that it took. */
function fill(fd: number): number {
  for (let written = 0; ;) {
    try {
      written += writeSync(fd, Buffer.alloc(4096, "x"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return written;
      throw error;
    }
  }
}

/** Lets the event loop read what there is to read. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}
