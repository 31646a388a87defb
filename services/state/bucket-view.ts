import { setTimeout as delay } from "node:timers/promises";
import type { Bucket, BucketChange, BucketEntry } from "#messaging/platform.ts";
import type { Log } from "#services/log.ts";

const WATCH_RETRY_MS = 1_000;

export type ViewListener<Value> = (change: { key: string; before: Value | undefined; after: Value | undefined }) => void;

/**
 * A bucket kept in memory: reads are immediate and go on while the server is away. Writes go to the server first and are then
 * seen at once, so that who writes reads its own writes. A watch is a hint: `resync` reads everything again.
 */
export class BucketView<Value> implements AsyncDisposable {
  readonly #bucket: Bucket<Value>;
  readonly #entries = new Map<string, BucketEntry<Value>>();
  /** Key → the newest revision known to be deleted: an older put that arrives late is not believed. */
  readonly #deleted = new Map<string, number>();
  readonly #listeners = new Set<ViewListener<Value>>();
  readonly #closing = new AbortController();
  readonly #current = Promise.withResolvers<void>();
  readonly #watching: Promise<void>;

  readonly #log: Log;

  private constructor(bucket: Bucket<Value>, log: Log) {
    this.#bucket = bucket;
    this.#log = log;
    this.#watching = this.#watch();
  }

  /** Resolves when the view holds everything that was there. */
  static async open<Value>(bucket: Bucket<Value>, log: Log, signal: AbortSignal): Promise<BucketView<Value>> {
    const view = new BucketView(bucket, log);
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([view.#current.promise, aborted.promise]);
      return view;
    } catch (error) {
      await view[Symbol.asyncDispose]();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  entries(): BucketEntry<Value>[] {
    return [...this.#entries.values()];
  }

  get(key: string): BucketEntry<Value> | undefined {
    return this.#entries.get(key);
  }

  /** Calls back after each change, until the returned function is called. */
  onChange(listener: ViewListener<Value>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As Bucket.update: only at the expected revision, 0 for an absent key. */
  async update(key: string, value: Value, expectedRevision: number): Promise<number> {
    const revision = await this.#bucket.update(key, value, expectedRevision);
    this.#put({ key, value, revision });
    return revision;
  }

  async delete(key: string): Promise<void> {
    await this.#bucket.delete(key);
    this.#remove(key, this.#entries.get(key)?.revision ?? 0);
  }

  /** Reads one key again, for a writer that met a conflict. */
  async refresh(key: string): Promise<BucketEntry<Value> | undefined> {
    const before = this.#entries.get(key);
    const entry = await this.#bucket.get(key);
    if (entry !== undefined) this.#put(entry);
    else if (before !== undefined) this.#removeUnlessNewer(key, before.revision);
    return this.#entries.get(key);
  }

  /** Reads the whole bucket again and takes over what the watch has missed. */
  async resync(): Promise<void> {
    const before = new Map(this.#entries);
    const forgotten = [...this.#deleted.keys()];
    const found = await this.#bucket.entries();
    const keys = new Set(found.map((entry) => entry.key));
    for (const entry of found) this.#put(entry);
    for (const [key, entry] of before) if (!keys.has(key)) this.#removeUnlessNewer(key, entry.revision);
    for (const key of forgotten) this.#deleted.delete(key);
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

  #apply(change: BucketChange<Value>): void {
    if (change.type === "current") this.#current.resolve();
    else if (change.type === "put") this.#put({ key: change.key, value: change.value, revision: change.revision });
    else this.#remove(change.key, change.revision);
  }

  #put(entry: BucketEntry<Value>): void {
    const before = this.#entries.get(entry.key);
    if (entry.revision <= Math.max(before?.revision ?? 0, this.#deleted.get(entry.key) ?? 0)) return;
    this.#deleted.delete(entry.key);
    this.#entries.set(entry.key, entry);
    this.#tell(entry.key, before?.value, entry.value);
  }

  #removeUnlessNewer(key: string, revision: number): void {
    if (this.#entries.get(key)?.revision === revision) this.#remove(key, revision);
  }

  #remove(key: string, revision: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined && before.revision > revision) return;
    this.#deleted.set(key, Math.max(revision, this.#deleted.get(key) ?? 0));
    if (before === undefined) return;
    this.#entries.delete(key);
    this.#tell(key, before.value, undefined);
  }

  #tell(key: string, before: Value | undefined, after: Value | undefined): void {
    for (const listener of this.#listeners) listener({ key, before, after });
  }
}
