import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";
import { logError } from "./errors.ts";
import { LogCapture } from "./log-capture.ts";
import { LogFile, type LogFileOptions } from "./log-file.ts";
import { processLogHub } from "./log-hub.ts";
import { readPosition } from "./log-position.ts";
import type { LogPosition, LogStream } from "./log-record.ts";
import type { OutputLimit } from "./output-limit.ts";
import { Spool } from "./spool.ts";

export interface CaptureOptions extends LogFileOptions {
  kernel: Kernel;
  /** Its spool stands beside it. */
  stdoutPath: string;
  stderrPath: string;
  /** For messages. */
  instance: { project: string; service: string; name: string };
  /** How fast it is read: without, as fast as it can be. */
  limit?: OutputLimit;
  /** Has a copy of a FIFO's reading end kept for when this process dies; the fd stays open until that resolves. */
  keep?: (stream: LogStream, fd: number) => Promise<void>;
  /** Detaches: the container runs on, and another capture goes on where this one stopped. */
  signal: AbortSignal;
}

/**
 * Opens the FIFOs of an instance and writes what comes out of them, from where a former capture stopped, be it killed. Throws
 * SLIPWAY_LOGS_FIFO_UNUSABLE or SLIPWAY_LOGS_FILE_UNUSABLE.
 */
export function captureLogs(options: CaptureOptions): LogCapture {
  options.signal.throwIfAborted();
  const { stdoutPath, stderrPath } = options;
  using acquired = new DisposableStack();
  const fifos = { stdout: openFifo(stdoutPath, acquired), stderr: openFifo(stderrPath, acquired) };
  const opened = openFiles(options, acquired);
  const capture = new LogCapture(options, { ...opened, fifos });
  acquired.move();
  return capture;
}

interface OpenFiles {
  file: LogFile;
  spools: Record<LogStream, Spool>;
  position: LogPosition;
}

function openFiles({ kernel, stdoutPath, stderrPath, ...options }: CaptureOptions, acquired: DisposableStack): OpenFiles {
  const { directory } = options;
  try {
    const file = acquired.use(new LogFile(options, () => processLogHub.publish(directory, "rotated")));
    const position = readPosition(directory);
    const spool = (path: string, start: number): Spool => acquired.use(new Spool(kernel, `${path}.spool`, start));
    const spools = { stdout: spool(stdoutPath, position.stdout), stderr: spool(stderrPath, position.stderr) };
    return { file, spools, position };
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
