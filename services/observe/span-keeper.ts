import type { SpanBatch, TraceQuery, TraceSummary } from "#contracts/trace.ts";
import { decodeBatch } from "./decode-batch.ts";
import { flattenBatch, type SpanRow } from "./flatten-batch.ts";
import { isDamage, openDatabase, setAside } from "./open-database.ts";
import type { SpanDatabase } from "./span-database.ts";
import type { FoundTrace, StoreAnswers, StoreSettings } from "./store-protocol.ts";

const TRIM_EVERY_MS = 60_000;
/** A full disk is asked again, and this long not before. */
const REOPEN_AFTER_MS = 1_000;

/** The database and what becomes of it: opened when first needed, trimmed now and then, set aside when it is damaged. */
export class SpanKeeper implements Disposable {
  readonly #settings: StoreSettings;
  readonly #notice: (text: string) => void;
  #database: SpanDatabase | undefined;
  #trimmedAt = Number.NEGATIVE_INFINITY;
  #addedBytes = 0;
  #closedUntil = 0;
  #failure = "";

  constructor(settings: StoreSettings, notice: (text: string) => void) {
    this.#settings = settings;
    this.#notice = notice;
  }

  /** What cannot be kept (a full disk, bytes that are no batch) is dropped, and the first time of a row said why. */
  add(batch: SpanBatch | Uint8Array): StoreAnswers["add"] {
    let rows: SpanRow[];
    try {
      rows = flattenBatch(batch instanceof Uint8Array ? decodeBatch(batch) : batch);
    } catch (error) {
      return this.#dropped(1, error as Error);
    }
    try {
      const dropped = this.#open().add(rows);
      this.#addedBytes += rows.reduce((sum, { attributes, events }) => sum + attributes.length + events.length + 256, 0);
      this.#trim();
      if (this.#failure !== "") this.#notice("traces are kept again");
      this.#failure = "";
      return { dropped };
    } catch (error) {
      const answer = this.#dropped(rows.length, error as Error);
      this.#failed(error);
      return answer;
    }
  }

  list(query: TraceQuery): TraceSummary[] {
    return this.#ask((database) => database.list(query), []);
  }

  find(prefix: string): FoundTrace {
    return this.#ask((database) => database.find(prefix), { matches: [] });
  }

  [Symbol.dispose](): void {
    this.#database?.[Symbol.dispose]();
    this.#database = undefined;
  }

  #ask<Answer>(question: (database: SpanDatabase) => Answer, nothing: Answer): Answer {
    try {
      return question(this.#open());
    } catch (error) {
      this.#notice(`traces cannot be read: ${(error as Error).message}`);
      this.#failed(error);
      return nothing;
    }
  }

  #open(): SpanDatabase {
    if (this.#database !== undefined) return this.#database;
    if (performance.now() < this.#closedUntil) throw new Error(this.#failure || "the database could not be opened");
    return (this.#database = openDatabase(this.#settings.path, this.#notice));
  }

  #dropped(dropped: number, { message: reason }: Error): StoreAnswers["add"] {
    if (this.#failure !== reason) this.#notice(`spans are dropped: ${this.#settings.path}: ${reason}`);
    this.#failure = reason;
    return { dropped, reason };
  }

  /** Closed, so that the next call begins with what is on the disk then. */
  #failed(error: unknown): void {
    this[Symbol.dispose]();
    this.#closedUntil = performance.now() + REOPEN_AFTER_MS;
    if (!isDamage(error)) return;
    try {
      setAside(this.#settings.path, error as Error, this.#notice);
      this.#closedUntil = 0;
    } catch (cause) {
      this.#notice(`it could not be set aside: ${(cause as Error).message}`);
    }
  }

  #trim(): void {
    const { maxAgeMs, maxBytes } = this.#settings;
    const due = performance.now() - this.#trimmedAt >= TRIM_EVERY_MS || this.#addedBytes > maxBytes / 32;
    if (!due) return;
    this.#trimmedAt = performance.now();
    this.#addedBytes = 0;
    this.#database?.trim(Date.now() - maxAgeMs, maxBytes);
  }
}
