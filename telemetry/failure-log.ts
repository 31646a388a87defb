import type { DiagLogger } from "@opentelemetry/api";

const REPEAT_MS = 60_000;

/** Says on standard error that spans cannot be exported: once a minute, since a receiver that is away fails every batch. */
export class FailureLog implements DiagLogger {
  #quietUntil = 0;

  error(message: string): void {
    const now = performance.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + REPEAT_MS;
    process.stderr.write(`telemetry: ${message}\n`);
  }

  warn(): void {}
  info(): void {}
  debug(): void {}
  verbose(): void {}
}
