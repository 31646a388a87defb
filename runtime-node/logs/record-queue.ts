import type { LogFile } from "./log-file.ts";
import { encodeRecord, type LogPosition, START_OF_LOG } from "./log-record.ts";

/** Above this, whoever pushes is asked to wait until the disk has caught up. */
const PENDING_MAX_BYTES = 1024 * 1024;
/** Less is written in the same turn as it was read: what is said seldom is seen at once, and at the cost of one call. */
const AT_ONCE_BYTES = 16 * 1024;

/**
 * Encoded records on their way to the file, in order. A log that cannot be written must not stop the container: its lines are
 * dropped, and counted in the log as soon as it can be written again.
 */
export class RecordQueue {
  readonly #file: LogFile;
  readonly #owner: string;
  readonly #onWritten: (upTo: LogPosition) => void;
  #pending: string[] = [];
  #pendingBytes = 0;
  #draining: Promise<void> | undefined;
  #lostLines = 0;
  #pushedUpTo: LogPosition = START_OF_LOG;
  #lostUpTo: LogPosition = START_OF_LOG;

  /** `owner`: for the note of lost lines. `onWritten`: up to there it is written, or lost. */
  constructor(file: LogFile, owner: string, onWritten: (upTo: LogPosition) => void) {
    this.#file = file;
    this.#owner = owner;
    this.#onWritten = onWritten;
  }

  /** `position`: after these. Returns what to wait for before more is pushed, when there is too much already. */
  push(records: readonly string[], position: LogPosition): Promise<void> | undefined {
    this.#pushedUpTo = position;
    if (this.#writeAtOnce(records)) return undefined;
    for (const record of records) {
      this.#pending.push(record);
      this.#pendingBytes += record.length;
    }
    this.#draining ??= this.#drain();
    return this.#pendingBytes > PENDING_MAX_BYTES ? this.#draining : undefined;
  }

  #writeAtOnce(records: readonly string[]): boolean {
    if (this.#draining !== undefined || this.#lostLines > 0) return false;
    if (records.reduce((sum, { length }) => sum + length, 0) > AT_ONCE_BYTES) return false;
    if (!this.#file.appendNow(records)) return false;
    this.#onWritten(this.#pushedUpTo);
    return true;
  }

  /** Resolves when everything pushed so far is written. */
  async drained(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // In a turn of its own: what arrives in this one goes into the same write.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const records = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      await this.#write(records, this.#pushedUpTo);
    }
    this.#draining = undefined;
  }

  async #write(records: readonly string[], upTo: LogPosition): Promise<void> {
    try {
      if (this.#lostLines > 0) {
        await this.#file.append([this.#lossNote()]);
        this.#lostLines = 0;
      }
      await this.#file.append(records);
    } catch {
      this.#lostLines += records.length;
      this.#lostUpTo = upTo;
    }
    this.#onWritten(upTo);
  }

  #lossNote(): string {
    const text = `slipway: ${this.#lostLines} lines of ${this.#owner} could not be written and are lost`;
    return encodeRecord(new Date().toISOString(), "stderr", { text, partial: false }, this.#lostUpTo);
  }
}
