import { setTimeout as delay } from "node:timers/promises";
import type { BucketChange } from "../platform.ts";
import { canResume, type FeedItem } from "./feed.ts";
import type { StoredStream } from "./stored-stream.ts";
import { isTombstone } from "./tombstone.ts";

const RESUME_PAUSE_MS = 50;

interface WatchOptions<Value> {
  stream: StoredStream;
  /** `$KV.<bucket>.` */
  prefix: string;
  filter: string;
  signal: AbortSignal;
  parse: (key: string, data: Uint8Array) => Value;
  log: (line: string) => void;
}

/**
 * Follows a bucket over any interruption. After one it reads the newest value of every key again and tells what differs from
 * what it told before, deletions included: right too when the stream was lost and made anew, or a tombstone has expired meanwhile.
 */
export async function* watchBucket<Value>(options: WatchOptions<Value>): AsyncGenerator<BucketChange<Value>, void> {
  const view = new BucketView(options);
  const { signal } = options;
  while (!signal.aborted) {
    try {
      yield* view.follow();
    } catch (error) {
      if (signal.aborted) return;
      if (!canResume(error, options.stream.link)) throw error;
      await delay(RESUME_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** What a watcher has been told so far. */
class BucketView<Value> {
  readonly #options: WatchOptions<Value>;
  /** Every key that is there, with the revision told. */
  readonly #told = new Map<string, number>();
  #streamCreated = "";
  #wasCurrent = false;

  constructor(options: WatchOptions<Value>) {
    this.#options = options;
  }

  async *follow(): AsyncGenerator<BucketChange<Value>, void> {
    const { stream, prefix, filter, signal } = this.#options;
    const { created, state } = await stream.info(signal);
    // In another stream of that name the same revision means another value.
    if (created !== this.#streamCreated) for (const key of this.#told.keys()) this.#told.set(key, 0);
    this.#streamCreated = created;
    const unseen = new Set(this.#told.keys());
    let current = false;
    for await (const item of stream.read(prefix + filter, { from: "last-per-subject" }, signal)) {
      if (item.type === "message") {
        unseen.delete(item.subject.slice(prefix.length));
        yield* this.#tell(item);
      } else if (!current) {
        current = true;
        yield* this.#becomeCurrent(unseen, state.last_seq);
      }
    }
  }

  *#tell(item: Extract<FeedItem, { type: "message" }>): Generator<BucketChange<Value>> {
    const key = item.subject.slice(this.#options.prefix.length);
    const revision = item.sequence;
    if (isTombstone(item.headers)) {
      if (this.#told.delete(key)) yield { type: "delete", key, revision };
      return;
    }
    if (this.#told.get(key) === revision) return;
    let value: Value;
    try {
      value = this.#options.parse(key, item.data);
    } catch (error) {
      this.#options.log(`messaging: skipped revision ${revision}: ${(error as Error).message}`);
      return;
    }
    this.#told.set(key, revision);
    yield { type: "put", key, value, revision };
  }

  *#becomeCurrent(unseen: Set<string>, revision: number): Generator<BucketChange<Value>> {
    for (const key of unseen) {
      this.#told.delete(key);
      yield { type: "delete", key, revision };
    }
    if (this.#wasCurrent) return;
    this.#wasCurrent = true;
    yield { type: "current", revision };
  }
}
