import { setTimeout as delay } from "node:timers/promises";
import { BUCKETS, instanceKey } from "#contracts/buckets.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { Bucket, Platform } from "#messaging/platform.ts";

const RETRY_MS = 500;

/** The latest state of every instance of this node, kept equal in the `observed` bucket: only the newest of each is sent. */
export class ObservedReporter implements AsyncDisposable {
  readonly #node: string;
  readonly #latest = new Map<string, ObservedInstance>();
  readonly #dirty = new Set<string>();
  readonly #closing = new AbortController();
  #platform: Platform | undefined;
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
    for (const instanceId of this.#latest.keys()) this.#dirty.add(instanceId);
    const bucket = await this.#bucket();
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
    if (observed === undefined) await bucket.delete(key);
    else await bucket.put(key, observed);
  }

  #bucket(): Promise<Bucket<ObservedInstance>> {
    return (this.#platform as Platform).bucket(BUCKETS.observed);
  }
}
