import type { Static, TSchema } from "typebox";
import type { BucketDefinition } from "#contracts/buckets.ts";
import { parse } from "#contracts/parse.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import { Deadline } from "../connection/deadline.ts";
import { messagingError } from "../errors.ts";
import type { Bucket, BucketChange, BucketEntry } from "../platform.ts";
import { watchBucket } from "./bucket-watch.ts";
import { requireKey, requireKeyFilter } from "./key.ts";
import type { JetStream } from "./jet-stream.ts";
import { StoredStream } from "./stored-stream.ts";
import { isTombstone, tombstoneHeaders, canExpireTombstones } from "./tombstone.ts";

/** A create races with other creates and with tombstones that expire: so often is it decided anew. */
const CREATE_ATTEMPTS = 5;
const ENTRIES_TIMEOUT_MS = 10_000;

/** A bucket as every NATS KV client knows it (ADR-8): stream `KV_<name>`, subjects `$KV.<name>.<key>`. */
export async function openBucket<Schema extends TSchema>(
  jetStream: JetStream,
  definition: BucketDefinition<Schema>,
): Promise<Bucket<Static<Schema>>> {
  const messageLifetimes = canExpireTombstones(jetStream.link);
  const stream = await StoredStream.open(jetStream, {
    name: `KV_${definition.name}`,
    subjects: [`$KV.${definition.name}.>`],
    storage: definition.storage,
    perSubject: 1,
    messageLifetimes,
  });
  return new StoredBucket(stream, definition, { tombstonesExpire: messageLifetimes, log: jetStream.link.log });
}

class StoredBucket<Schema extends TSchema> implements Bucket<Static<Schema>> {
  readonly #stream: StoredStream;
  readonly #definition: BucketDefinition<Schema>;
  readonly #prefix: string;
  readonly #tombstonesExpire: boolean;
  readonly #log: (line: string) => void;

  constructor(
    stream: StoredStream,
    definition: BucketDefinition<Schema>,
    options: { tombstonesExpire: boolean; log: (line: string) => void },
  ) {
    this.#stream = stream;
    this.#definition = definition;
    this.#prefix = `$KV.${definition.name}.`;
    this.#tombstonesExpire = options.tombstonesExpire;
    this.#log = options.log;
  }

  async get(key: string): Promise<BucketEntry<Static<Schema>> | undefined> {
    const message = await this.#stream.lastOf(this.#subject(key));
    if (message === undefined || isTombstone(message.header)) return undefined;
    return { key, value: this.#parse(key, message.data), revision: message.seq };
  }

  async put(key: string, value: Static<Schema>): Promise<number> {
    return this.#stream.publish(this.#subject(key), this.#encode(key, value));
  }

  async update(key: string, value: Static<Schema>, expectedRevision: number): Promise<number> {
    const subject = this.#subject(key);
    const payload = this.#encode(key, value);
    if (expectedRevision !== 0) return this.#stream.publish(subject, payload, { expectedSequence: expectedRevision });
    return this.#create(key, subject, payload);
  }

  async delete(key: string): Promise<number> {
    return this.#stream.publish(this.#subject(key), "", { headers: tombstoneHeaders(this.#tombstonesExpire) });
  }

  async entries(filter = ">"): Promise<BucketEntry<Static<Schema>>[]> {
    using deadline = new Deadline(ENTRIES_TIMEOUT_MS);
    const entries = new Map<string, BucketEntry<Static<Schema>>>();
    for await (const change of this.watch({ filter, signal: deadline.signal })) {
      if (change.type === "current") return [...entries.values()];
      if (change.type === "put")
        entries.set(change.key, { key: change.key, value: change.value, revision: change.revision });
      else entries.delete(change.key);
    }
    const what = `reading bucket ${this.#definition.name} did not succeed within ${deadline.ms} milliseconds`;
    throw messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", what);
  }

  watch(options: { filter?: string; signal: AbortSignal }): AsyncIterable<BucketChange<Static<Schema>>> {
    const filter = requireKeyFilter(options.filter ?? ">");
    return watchBucket({
      stream: this.#stream,
      prefix: this.#prefix,
      filter,
      signal: options.signal,
      parse: (key, data) => this.#parse(key, data),
      log: this.#log,
    });
  }

  /** Writes where there is nothing, which a tombstone is too. */
  async #create(key: string, subject: string, payload: string): Promise<number> {
    let expectedSequence = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#stream.publish(subject, payload, { expectedSequence });
      } catch (error) {
        if (!hasCode(error, "SLIPWAY_MESSAGING_CONFLICT") || attempt === CREATE_ATTEMPTS) throw error;
      }
      const last = await this.#stream.lastOf(subject);
      if (last !== undefined && !isTombstone(last.header)) {
        throw messagingError("SLIPWAY_MESSAGING_CONFLICT", `${key} is in bucket ${this.#definition.name} already`);
      }
      expectedSequence = last?.seq ?? 0;
    }
  }

  #subject(key: string): string {
    return this.#prefix + requireKey(key);
  }

  #encode(key: string, value: Static<Schema>): string {
    // What is not valid would be unreadable for everybody.
    return JSON.stringify(parse(this.#definition.schema, value, `${this.#definition.name} ${key}`));
  }

  #parse(key: string, data: Uint8Array): Static<Schema> {
    const what = `${this.#definition.name} ${key}`;
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(data).toString("utf8"));
    } catch (cause) {
      throw messagingError("SLIPWAY_MESSAGING_MALFORMED", `${what} is not JSON`, { cause });
    }
    return parse(this.#definition.schema, value, what);
  }
}
