import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { logError } from "./errors.ts";
import { LogFile, type LogFileOptions } from "./log-file.ts";
import { processLogHub } from "./log-hub.ts";
import { encodeRecord, type LogStream } from "./log-record.ts";
import { type LogSubscriber, LogTap } from "./log-tap.ts";
import type { SplitLine } from "./line-splitter.ts";
import { RecordQueue } from "./record-queue.ts";
import { StreamInput } from "./stream-input.ts";

export interface CaptureOptions extends LogFileOptions {
  stdoutPath: string;
  stderrPath: string;
  /** For messages. */
  instance: { project: string; service: string; name: string };
  /** Detaches: the container runs on, and another capture goes on where this one stopped. */
  signal: AbortSignal;
}

/** Opens the FIFOs of an instance and writes what comes out of them; throws SLIPWAY_LOGS_FIFO_UNUSABLE or SLIPWAY_LOGS_FILE_UNUSABLE. */
export function captureLogs(options: CaptureOptions): LogCapture {
  options.signal.throwIfAborted();
  using acquired = new DisposableStack();
  const stdout = openFifo(options.stdoutPath, acquired);
  const stderr = openFifo(options.stderrPath, acquired);
  const capture = new LogCapture(options, openFile(options), { stdout, stderr });
  acquired.move();
  return capture;
}

/** The output of one instance on its way from two FIFOs to a log file. Disposal detaches. */
export class LogCapture implements AsyncDisposable {
  /**
   * `eof`: all writers are gone and everything is written. `detached`: the capture was ended before that; what it had read is
   * written.
   */
  readonly ended: Promise<"eof" | "detached">;
  readonly #options: CaptureOptions;
  readonly #file: LogFile;
  readonly #queue: RecordQueue;
  readonly #tap = new LogTap();
  readonly #inputs: Record<LogStream, StreamInput>;
  #isDetached = false;

  constructor(options: CaptureOptions, file: LogFile, fds: Record<LogStream, number>) {
    const { directory, instance } = options;
    this.#options = options;
    this.#file = file;
    const owner = `${instance.project}/${instance.service}/${instance.name}`;
    this.#queue = new RecordQueue(file, owner, () => processLogHub.publish(directory, "appended"));
    this.#inputs = {
      stdout: new StreamInput(fds.stdout, (chunk) => this.#take("stdout", chunk)),
      stderr: new StreamInput(fds.stderr, (chunk) => this.#take("stderr", chunk)),
    };
    this.ended = this.#run();
  }

  /** Raw output from now on, until disposal. */
  subscribe(subscriber: LogSubscriber): Disposable {
    return this.#tap.subscribe(subscriber);
  }

  /**
   * To be called when the container is known to be gone: a FIFO whose writers left before this capture opened it would never
   * report its end, since only a last close after our own open does (fifo(7)). Harmless while there are writers.
   */
  finish(): void {
    if (!this.#inputs.stdout.isClosed) openAndClose(this.#options.stdoutPath);
    if (!this.#inputs.stderr.isClosed) openAndClose(this.#options.stderrPath);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#detach();
    await this.ended;
  }

  async #run(): Promise<"eof" | "detached"> {
    const { directory, signal } = this.#options;
    using _captured = processLogHub.capturing(directory);
    using _file = this.#file;
    const detach = (): void => this.#detach();
    signal.addEventListener("abort", detach, { once: true });
    await Promise.all([this.#readToEnd("stdout"), this.#readToEnd("stderr")]);
    signal.removeEventListener("abort", detach);
    await this.#queue.drained();
    return this.#isDetached ? "detached" : "eof";
  }

  async #readToEnd(stream: LogStream): Promise<void> {
    const input = this.#inputs[stream];
    await input.closed;
    this.#enqueue(stream, input.lines.flush(!input.isAtEnd));
  }

  #detach(): void {
    for (const input of Object.values(this.#inputs)) {
      if (input.isClosed) continue;
      this.#isDetached = true;
      input.close();
    }
  }

  #take(stream: LogStream, chunk: Buffer): void {
    const input = this.#inputs[stream];
    this.#enqueue(stream, input.lines.push(chunk));
    for (const taken of this.#tap.send(stream, chunk)) input.holdUntil(taken);
  }

  #enqueue(stream: LogStream, lines: readonly SplitLine[]): void {
    if (lines.length === 0) return;
    const time = new Date().toISOString();
    const written = this.#queue.push(lines.map(({ text, partial }) => encodeRecord(time, stream, text, partial)));
    if (written === undefined) return;
    // Both: arrival order is kept only while both are read.
    for (const input of Object.values(this.#inputs)) input.holdUntil(written);
  }
}

function openFile(options: CaptureOptions): LogFile {
  const { directory } = options;
  try {
    return new LogFile(options, () => processLogHub.publish(directory, "rotated"));
  } catch (cause) {
    throw logError("SLIPWAY_LOGS_FILE_UNUSABLE", `opening the log in ${directory}: ${(cause as Error).message}`, { cause });
  }
}

/** fifo(7): a non-blocking open for reading succeeds at once, with or without writers. */
function openFifo(path: string, acquired: DisposableStack): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    acquired.defer(() => closeSync(fd));
    if (!fstatSync(fd).isFIFO()) throw new Error("it is not a FIFO");
    return fd;
  } catch (cause) {
    throw logError("SLIPWAY_LOGS_FIFO_UNUSABLE", `opening ${path}: ${(cause as Error).message}`, { cause });
  }
}

function openAndClose(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    // ENXIO: our own end is closed already, so its end was seen.
    if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
  }
}
