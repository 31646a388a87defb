import { randomUUID } from "node:crypto";
import { type PubAck, PubHeaders, type StoredMsg, type StreamInfo } from "@nats-io/jetstream";
import { errors, headers as makeHeaders } from "@nats-io/transport-node";
import { hasCode } from "#contracts/slipway-error.ts";
import { isUnanswered } from "../connection/failures.ts";
import { insist } from "../connection/insist.ts";
import type { Link } from "../connection/link.ts";
import { messagingError } from "../errors.ts";
import type { FeedStart } from "./consumer-config.ts";
import { type FeedItem, readFeed } from "./feed.ts";
import { isNameInUse, isStreamMissing, isWrongSequence, type JetStream } from "./jet-stream.ts";
import { configOf, requireMatchingConfig, type StreamDefinition } from "./stream-config.ts";

const ATTEMPT_MS = 3_000;

/** One JetStream stream. Writes are acknowledged when they are stored, and for `file` synced to the disk. */
export class StoredStream {
  readonly name: string;
  readonly #jetStream: JetStream;
  readonly #definition: StreamDefinition;

  private constructor(jetStream: JetStream, definition: StreamDefinition) {
    this.name = definition.name;
    this.#jetStream = jetStream;
    this.#definition = definition;
  }

  /** Makes the stream on first use and reads its configuration back. */
  static async open(jetStream: JetStream, definition: StreamDefinition): Promise<StoredStream> {
    const stream = new StoredStream(jetStream, definition);
    await stream.#make();
    return stream;
  }

  /**
   * Stores a message and returns its sequence. Repeated until acknowledged; stored once however often it was sent.
   * `expectedSequence` is that of the subject's newest message, 0 for none: else SLIPWAY_MESSAGING_CONFLICT.
   */
  async publish(
    subject: string,
    payload: string,
    options: { headers?: Record<string, string>; expectedSequence?: number; id?: string } = {},
  ): Promise<number> {
    this.#requireFits(subject, payload);
    const headers = makeHeaders();
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
    const { expectedSequence, id = randomUUID() } = options;
    const expect = expectedSequence === undefined ? {} : { expect: { lastSubjectSequence: expectedSequence } };
    const publishing = { headers, msgID: id, timeout: ATTEMPT_MS, ...expect };
    let isStuck = false;
    const publish = async (): Promise<PubAck> => {
      try {
        return await this.#jetStream.client.publish(subject, payload, publishing);
      } catch (failure) {
        // A stream that could not be written once says nothing to what it is sent from then on, and answers what it is asked.
        isStuck = failure instanceof errors.TimeoutError && (await this.#exists().catch(() => false));
        throw failure;
      }
    };
    try {
      const { seq } = await this.#insist(`writing ${subject}`, publish);
      return seq;
    } catch (cause) {
      if (isStuck && hasCode(cause, "SLIPWAY_MESSAGING_UNAVAILABLE")) throw this.#stuck(subject, cause);
      if (!isWrongSequence(cause)) throw cause;
      return this.#sequenceOfOwn(id, subject, cause);
    }
  }

  /** The newest message of a subject. */
  lastOf(subject: string): Promise<StoredMsg | undefined> {
    return this.#insist(`reading ${subject}`, async () => {
      const message = await this.#jetStream.manager.streams.getMessage(this.name, { last_by_subj: subject });
      return message ?? undefined;
    });
  }

  info(signal?: AbortSignal): Promise<StreamInfo> {
    return this.#insist(`asking for stream ${this.name}`, () => this.#jetStream.manager.streams.info(this.name), signal);
  }

  get link(): Link {
    return this.#jetStream.link;
  }

  /** Reads on from a place; ends by throwing FeedInterrupted when the server went away, to be read again by the caller. */
  read(filter: string, start: FeedStart, signal: AbortSignal): AsyncGenerator<FeedItem, never> {
    return readFeed(this.#jetStream, { stream: this.name, filter, start, signal });
  }

  /** The server compares sequences before it knows repetitions: a write whose first answer was lost is refused by itself. */
  async #sequenceOfOwn(id: string, subject: string, cause: unknown): Promise<number> {
    const last = await this.lastOf(subject);
    if (last?.header.get(PubHeaders.MsgIdHdr) === id) return last.seq;
    const found = last === undefined ? "gone" : `at revision ${last.seq}`;
    throw messagingError("SLIPWAY_MESSAGING_CONFLICT", `${subject} was changed by somebody else: it is ${found}`, {
      cause,
    });
  }

  #stuck(subject: string, cause: Error): Error {
    this.link.onStoreStuck();
    const message = `${subject} could not be written: nats-server stores nothing, its disk is or was full`;
    return messagingError("SLIPWAY_MESSAGING_STORE_STUCK", message, { cause });
  }

  /** Insists, and makes a memory stream again that went with its server. */
  #insist<Outcome>(what: string, exchange: () => Promise<Outcome>, signal?: AbortSignal): Promise<Outcome> {
    const guarded = async (): Promise<Outcome> => {
      try {
        return await exchange();
      } catch (failure) {
        if (isStreamMissing(failure)) await this.#recover();
        else if (isUnanswered(failure) && !(await this.#exists())) await this.#recover();
        else throw failure;
        return exchange();
      }
    };
    return insist(this.#jetStream.link, what, guarded, { ...(signal && { signal }) });
  }

  async #recover(): Promise<void> {
    if (this.#definition.storage === "file") {
      // An empty stream in its place would read as "nothing is wanted", and everything would be taken down.
      throw messagingError("SLIPWAY_MESSAGING_STORE_LOST", `the stream ${this.name} is not in JetStream's store any more`);
    }
    await this.#create();
  }

  async #exists(): Promise<boolean> {
    try {
      await this.#jetStream.manager.streams.info(this.name);
      return true;
    } catch (failure) {
      if (isStreamMissing(failure)) return false;
      throw failure;
    }
  }

  async #make(): Promise<void> {
    const info = await insist(this.#jetStream.link, `making stream ${this.name}`, () => this.#create());
    requireMatchingConfig(info.config, configOf(this.#definition));
  }

  async #create(): Promise<StreamInfo> {
    const { streams } = this.#jetStream.manager;
    try {
      return await streams.add(configOf(this.#definition));
    } catch (failure) {
      if (!isNameInUse(failure)) throw failure;
      return streams.info(this.name);
    }
  }

  #requireFits(subject: string, payload: string): void {
    const limit = this.#jetStream.link.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    const bytes = Buffer.byteLength(payload);
    if (bytes <= limit) return;
    throw messagingError("SLIPWAY_MESSAGING_TOO_LARGE", `${subject} was to hold ${bytes} bytes, of at most ${limit}`);
  }
}
