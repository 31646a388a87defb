import { setTimeout as delay } from "node:timers/promises";
import { orAborted } from "#messaging/connection/or-aborted.ts";
import type { Bucket, BucketChange, BucketEntry } from "#messaging/platform.ts";
import type { Log } from "./log.ts";

const WATCH_RETRY_MS = 1_000;

export type ViewListener<Value> = (change: { key: string; before: Value | undefined; after: Value | undefined }) => void;

/**
 * A bucket kept in memory: reads are immediate and go on while the server is away. Writes go to the server first and are then
 * seen at once, so that who writes reads its own writes. A watch is a hint: `resync` reads everything again. What the watch says
 * is believed whatever its revision: a memory bucket begins again at 1 when the server restarts.
 */
export class BucketView<Value> implements AsyncDisposable {
  readonly #bucket: Bucket<Value>;
  readonly #entries = new Map<string, BucketEntry<Value>>();
  readonly #changes = new ChangeRecord();
  readonly #listeners = new Set<ViewListener<Value>>();
  readonly #closing = new AbortController();
  readonly #current = Promise.withResolvers<void>();
  readonly #watching: Promise<void>;
  readonly #log: Log;
  #revision = 0;

  private constructor(bucket: Bucket<Value>, log: Log) {
    this.#bucket = bucket;
    this.#log = log;
    this.#watching = this.#watch();
  }

  /** Resolves when the view holds everything that was there. */
  static async open<Value>(bucket: Bucket<Value>, log: Log, signal: AbortSignal): Promise<BucketView<Value>> {
    const view = new BucketView(bucket, log);
    try {
      await orAborted(view.#current.promise, signal);
      return view;
    } catch (error) {
      await view[Symbol.asyncDispose]();
      throw error;
    }
  }

  entries(): BucketEntry<Value>[] {
    return [...this.#entries.values()];
  }

  get(key: string): BucketEntry<Value> | undefined {
    return this.#entries.get(key);
  }

  /** The newest revision of the bucket that this knows of, deletions included. */
  get revision(): number {
    return this.#revision;
  }

  /** Calls back after each change, until the returned function is called. */
  onChange(listener: ViewListener<Value>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As Bucket.update: only at the expected revision, 0 for an absent key. */
  async update(key: string, value: Value, expectedRevision: number): Promise<number> {
    const revision = await this.#bucket.update(key, value, expectedRevision);
    this.#wrote(key, revision, { key, value, revision });
    return revision;
  }

  async delete(key: string): Promise<void> {
    this.#wrote(key, await this.#bucket.delete(key), undefined);
  }

  /** Reads one key again, for a writer that met a conflict. */
  async refresh(key: string): Promise<BucketEntry<Value> | undefined> {
    const start = this.#changes.now;
    const entry = await this.#bucket.get(key);
    if (!this.#changes.happenedSince(key, start)) this.#set(key, entry);
    return this.#entries.get(key);
  }

  /** Reads the whole bucket again and takes over what the watch has missed. */
  async resync(): Promise<void> {
    const start = this.#changes.now;
    const found = new Map((await this.#bucket.entries()).map((entry) => [entry.key, entry]));
    for (const key of new Set([...found.keys(), ...this.#entries.keys()])) {
      if (!this.#changes.happenedSince(key, start)) this.#set(key, found.get(key));
    }
    this.#changes.forgetUntil(start);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const change of this.#bucket.watch({ signal })) this.#apply(change);
      } catch (error) {
        if (!signal.aborted) this.#log("a bucket's watch broke and is started again", error);
      }
      await delay(WATCH_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #wrote(key: string, revision: number, entry: BucketEntry<Value> | undefined): void {
    this.#revision = Math.max(this.#revision, revision);
    this.#changes.wrote(key, revision);
    this.#set(key, entry);
  }

  #apply(change: BucketChange<Value>): void {
    this.#revision = Math.max(this.#revision, change.revision);
    if (change.type === "current") return this.#current.resolve();
    if (!this.#changes.isNews(change.key, change.revision)) return;
    const { key } = change;
    this.#set(key, change.type === "put" ? { key, value: change.value, revision: change.revision } : undefined);
  }

  #set(key: string, entry: BucketEntry<Value> | undefined): void {
    const before = this.#entries.get(key);
    if (before?.revision === entry?.revision) return;
    this.#changes.happened(key);
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    for (const listener of this.#listeners) listener({ key, before: before?.value, after: entry?.value });
  }
}

/** What changed since when, in a count of changes; and which of our own writes the watch has yet to tell. */
class ChangeRecord {
  now = 0;
  readonly #changedAt = new Map<string, number>();
  readonly #written = new Map<string, number>();

  happened(key: string): void {
    this.#changedAt.set(key, ++this.now);
  }

  happenedSince(key: string, start: number): boolean {
    return (this.#changedAt.get(key) ?? 0) > start;
  }

  /** We wrote this revision, or a later one: what the watch tells of earlier ones is old. */
  wrote(key: string, revision: number): void {
    this.#written.set(key, revision);
    this.happened(key);
  }

  isNews(key: string, revision: number): boolean {
    const written = this.#written.get(key);
    if (written === undefined) return true;
    if (revision < written) return false;
    this.#written.delete(key);
    return true;
  }

  /** Everything was read again after this: earlier changes and writes need no memory. */
  forgetUntil(start: number): void {
    for (const [key, at] of this.#changedAt) {
      if (at > start) continue;
      this.#changedAt.delete(key);
      this.#written.delete(key);
    }
  }
}
