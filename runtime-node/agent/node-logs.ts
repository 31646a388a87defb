import type { Assignment } from "#contracts/instance.ts";
import type { ContainerLogs, InstanceLogs } from "../container/node-services.ts";
import { captureLogs } from "../logs/capture-logs.ts";

/** Kept of each instance: five files of ten mebibytes, as docker's json-file driver is commonly set up. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;

export class NodeLogs implements InstanceLogs {
  readonly #closing: AbortSignal;

  constructor(closing: AbortSignal) {
    this.#closing = closing;
  }

  capture({ project, service, name }: Assignment, stdout: string, stderr: string, directory: string): ContainerLogs {
    return captureLogs({
      stdoutPath: stdout,
      stderrPath: stderr,
      directory,
      instance: { project, service, name },
      maxFileBytes: MAX_FILE_BYTES,
      maxFiles: MAX_FILES,
      signal: this.#closing,
    });
  }
}
