import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { BUCKETS, instanceKey } from "#contracts/buckets.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { Bucket, Platform } from "#messaging/platform.ts";

const RETRY_MS = 500;

/**
 * The latest state of every instance of this node, kept equal in the `observed` bucket: only the newest of each is sent, and only when it is
 * another than the one sent before.
 */
export class ObservedReporter implements AsyncDisposable {
  readonly #node: string;
  readonly #latest = new Map<string, ObservedInstance>();
  readonly #dirty = new Set<string>();
  /** What the bucket has of each, by this agent's own writes. */
  readonly #told = new Map<string, ObservedInstance>();
  readonly #closing = new AbortController();
  #platform: Platform | undefined;
  #opened: Promise<Bucket<ObservedInstance>> | undefined;
  #sending: Promise<void> | undefined;

  constructor(node: string) {
    this.#node = node;
  }

  open(platform: Platform): void {
    this.#platform = platform;
    this.#send();
  }

  put(observed: ObservedInstance): void {
    this.#latest.set(observed.instanceId, observed);
    this.#mark(observed.instanceId);
  }

  remove(instanceId: string): void {
    this.#latest.delete(instanceId);
    this.#mark(instanceId);
  }

  /** A hint may be lost: everything is told again, and what we do not have is taken out. */
  async resync(): Promise<void> {
    this.#told.clear();
    for (const instanceId of this.#latest.keys()) this.#dirty.add(instanceId);
    const bucket = await (this.#platform as Platform).bucket(BUCKETS.observed);
    for (const { value } of await bucket.entries(`${this.#node}.*`)) {
      if (!this.#latest.has(value.instanceId)) this.#dirty.add(value.instanceId);
    }
    this.#send();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#sending;
  }

  #mark(instanceId: string): void {
    this.#dirty.add(instanceId);
    this.#send();
  }

  #send(): void {
    if (this.#platform === undefined || this.#sending !== undefined) return;
    this.#sending = this.#drain().finally(() => {
      this.#sending = undefined;
      if (this.#dirty.size > 0 && !this.#closing.signal.aborted) this.#send();
    });
  }

  async #drain(): Promise<void> {
    for (const instanceId of this.#dirty) {
      this.#dirty.delete(instanceId);
      try {
        await this.#write(await this.#bucket(), instanceId);
      } catch (error) {
        this.#dirty.add(instanceId);
        // It is made again when it went with nats-server's store.
        this.#opened = undefined;
        if (this.#closing.signal.aborted) return;
        console.error(`the state of ${instanceId} waits:`, error);
        await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
        return;
      }
    }
  }

  async #write(bucket: Bucket<ObservedInstance>, instanceId: string): Promise<void> {
    const observed = this.#latest.get(instanceId);
    const key = instanceKey(this.#node, instanceId);
    const told = this.#told.get(instanceId);
    if (observed !== undefined && told !== undefined && isDeepStrictEqual(told, observed)) return;
    this.#told.delete(instanceId);
    if (observed === undefined) return void (await bucket.delete(key));
    await bucket.put(key, observed);
    this.#told.set(instanceId, observed);
  }

  #bucket(): Promise<Bucket<ObservedInstance>> {
    this.#opened ??= (this.#platform as Platform).bucket(BUCKETS.observed);
    return this.#opened;
  }
}
