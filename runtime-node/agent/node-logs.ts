import { existsSync } from "node:fs";
import type { Assignment } from "#contracts/instance.ts";
import type { Kernel } from "#kernel/kernel.ts";
import type { InstanceEvents, InstanceLogs } from "../container/node-services.ts";
import type { KeptFds } from "../launch/kept-fds.ts";
import { captureLogs } from "../logs/capture-logs.ts";
import type { LogCapture } from "../logs/log-capture.ts";
import type { LogStream } from "../logs/log-record.ts";
import { OutputLimits } from "../logs/output-limit.ts";

/** Kept of each instance: five files of ten mebibytes, as docker's json-file driver is commonly set up. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;
/** What a container that is gone has left is in its pipes, a mebibyte each at most. */
const DRAIN_WAIT_MS = 5_000;

export interface NodeLogsOptions {
  kernel: Kernel;
  events: InstanceEvents;
  fds: KeptFds;
  /** Aborted: the agent ends, and containers run on. */
  signal: AbortSignal;
}

/** The logs of a node's instances: none of their bytes is lost when this process dies, since the supervisor holds their FIFOs open. */
export class NodeLogs implements InstanceLogs {
  readonly #options: NodeLogsOptions;
  readonly #limits = new OutputLimits();

  constructor(options: NodeLogsOptions) {
    this.#options = options;
  }

  capture(assignment: Assignment, stdoutPath: string, stderrPath: string, directory: string): LogCapture {
    const { kernel, events, fds, signal } = this.#options;
    const { project, service, name, instanceId } = assignment;
    const onFlood = (bytesPerSecond: number): void =>
      events.record("instance.output-throttled", assignment, { bytesPerSecond });
    const capture = captureLogs({
      kernel,
      stdoutPath,
      stderrPath,
      directory,
      instance: { project, service, name },
      maxFileBytes: MAX_FILE_BYTES,
      maxFiles: MAX_FILES,
      limit: this.#limits.open(onFlood),
      keep: (stream, fd) => fds.keep(keptName(instanceId, stream), fd),
      signal,
    });
    void capture.ended.then((how) => (how === "eof" ? this.forget(instanceId) : undefined));
    return capture;
  }

  async drain(assignment: Assignment, stdout: string, stderr: string, directory: string): Promise<void> {
    if (!existsSync(stdout) || !existsSync(stderr)) return;
    await using capture = this.capture(assignment, stdout, stderr, directory);
    capture.finish();
    const limit = AbortSignal.timeout(DRAIN_WAIT_MS);
    const gaveUp = new Promise((resolve) => limit.addEventListener("abort", resolve, { once: true }));
    await Promise.race([capture.ended, gaveUp]);
  }

  async forget(instanceId: string): Promise<void> {
    const { fds } = this.#options;
    await Promise.all([fds.drop(keptName(instanceId, "stdout")), fds.drop(keptName(instanceId, "stderr"))]);
  }
}

const keptName = (instanceId: string, stream: LogStream): string => `log/${instanceId}/${stream}`;
