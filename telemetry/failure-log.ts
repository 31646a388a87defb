const REPEAT_MS = 60_000;

/** Says on standard error that spans cannot be sent: once a minute, since a receiver that is away fails every batch. */
export class FailureLog {
  #quietUntil = 0;

  error(message: string): void {
    const now = performance.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + REPEAT_MS;
    process.stderr.write(`telemetry: ${message}\n`);
  }
}
