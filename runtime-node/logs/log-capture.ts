import { closeSync, constants, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { CaptureOptions } from "./capture-logs.ts";
import type { SplitLine } from "./line-splitter.ts";
import type { LogFile } from "./log-file.ts";
import { processLogHub } from "./log-hub.ts";
import { encodeRecord, type LogPosition, type LogStream } from "./log-record.ts";
import { type LogSubscriber, LogTap } from "./log-tap.ts";
import { RecordQueue } from "./record-queue.ts";
import type { Spool } from "./spool.ts";
import { StreamInput } from "./stream-input.ts";

/** What a capture reads and writes, and closes at its end. */
export interface CaptureFiles {
  file: LogFile;
  fifos: Record<LogStream, number>;
  spools: Record<LogStream, Spool>;
  /** How far the log was written. */
  position: LogPosition;
}

/** The output of one instance on its way from two FIFOs to a log file. Disposal detaches. */
export class LogCapture implements AsyncDisposable {
  /**
   * `eof`: all writers are gone and everything is written. `detached`: the capture was ended before that; what it had read and not
   * written, the next one writes.
   */
  readonly ended: Promise<"eof" | "detached">;
  readonly #options: CaptureOptions;
  readonly #file: LogFile;
  readonly #queue: RecordQueue;
  readonly #tap = new LogTap();
  readonly #inputs: Record<LogStream, StreamInput>;
  /** Lifts the limit: what a container that is gone has left is bounded. */
  readonly #finishing = new AbortController();
  readonly #kept: Promise<unknown>;
  #position: LogPosition;
  #isDetached = false;

  constructor(options: CaptureOptions, { file, fifos, spools, position }: CaptureFiles) {
    const { kernel, directory, instance } = options;
    this.#options = options;
    this.#file = file;
    this.#position = position;
    const owner = `${instance.project}/${instance.service}/${instance.name}`;
    this.#queue = new RecordQueue(file, owner, (upTo) => {
      processLogHub.publish(directory, "appended");
      this.#release(upTo);
    });
    const input = (stream: LogStream): StreamInput =>
      new StreamInput({
        kernel,
        fifo: fifos[stream],
        spool: spools[stream],
        onChunk: (chunk) => this.#take(stream, chunk),
      });
    this.#inputs = { stdout: input("stdout"), stderr: input("stderr") };
    this.#kept = Promise.all([options.keep?.("stdout", fifos.stdout), options.keep?.("stderr", fifos.stderr)]);
    for (const one of Object.values(this.#inputs)) one.replay();
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
    this.#finishing.abort();
    if (!this.#inputs.stdout.isClosed) openAndClose(this.#options.stdoutPath);
    if (!this.#inputs.stderr.isClosed) openAndClose(this.#options.stderrPath);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#detach();
    await this.ended;
  }

  async #run(): Promise<"eof" | "detached"> {
    const { directory, signal, limit } = this.#options;
    using _captured = processLogHub.capturing(directory);
    using _file = this.#file;
    using _stdout = this.#inputs.stdout;
    using _stderr = this.#inputs.stderr;
    const detach = (): void => this.#detach();
    signal.addEventListener("abort", detach, { once: true });
    await Promise.all([this.#readToEnd("stdout"), this.#readToEnd("stderr")]);
    signal.removeEventListener("abort", detach);
    this.#finishing.abort();
    limit?.[Symbol.dispose]();
    await this.#queue.drained();
    await this.#kept;
    return this.#isDetached ? "detached" : "eof";
  }

  async #readToEnd(stream: LogStream): Promise<void> {
    const input = this.#inputs[stream];
    await input.closed;
    if (input.isAtEnd) this.#enqueue(stream, input.lines.flush());
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
    const waitMs = this.#options.limit?.take(chunk.byteLength) ?? 0;
    if (waitMs > 0 && !this.#finishing.signal.aborted)
      this.#hold(delay(waitMs, undefined, { signal: this.#finishing.signal }));
  }

  #enqueue(stream: LogStream, lines: readonly SplitLine[]): void {
    if (lines.length === 0) return;
    const time = new Date().toISOString();
    const records = lines.map((line) => {
      this.#position = { ...this.#position, [stream]: line.end };
      return encodeRecord(time, stream, line, this.#position);
    });
    const written = this.#queue.push(records, this.#position);
    if (written !== undefined) this.#hold(written);
  }

  /** Both: arrival order is kept only while both are read. */
  #hold(until: Promise<unknown>): void {
    for (const input of Object.values(this.#inputs)) input.holdUntil(until);
  }

  /** What is in the log need not be in the spools. */
  #release(upTo: LogPosition): void {
    this.#inputs.stdout.spool.release(upTo.stdout);
    this.#inputs.stderr.spool.release(upTo.stderr);
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
