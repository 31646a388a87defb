import type { Static, TSchema } from "typebox";
import type { BucketDefinition } from "#contracts/buckets.ts";
import { request } from "./calls/request.ts";
import { serve } from "./calls/serve.ts";
import { insist } from "./connection/insist.ts";
import type { Link, LinkStatus } from "./connection/link.ts";
import { MessageQueue } from "./connection/message-queue.ts";
import type { Bucket, CallContext, CallOptions, EventLog, MessageStream, Platform, ServeOptions } from "./platform.ts";
import { openBucket } from "./storage/bucket.ts";
import { StoredEventLog } from "./storage/event-log.ts";
import type { JetStream } from "./storage/jet-stream.ts";
import { openStream } from "./streams/open-stream.ts";
import { serveStreams } from "./streams/serve-streams.ts";

/** The platform over one NATS connection. */
export class NatsPlatform implements Platform {
  readonly events: EventLog;
  readonly #link: Link;
  readonly #jetStream: JetStream;

  constructor(jetStream: JetStream) {
    this.#link = jetStream.link;
    this.#jetStream = jetStream;
    this.events = new StoredEventLog(jetStream);
  }

  bucket<Schema extends TSchema>(definition: BucketDefinition<Schema>): Promise<Bucket<Static<Schema>>> {
    return openBucket(this.#jetStream, definition);
  }

  serve<Request, Answer>(
    subject: string,
    handler: (request: Request, call: CallContext) => Promise<Answer>,
    options?: ServeOptions,
  ): AsyncDisposable {
    return serve(this.#link, subject, handler, options);
  }

  request<Request, Answer>(subject: string, body: Request, options?: CallOptions): Promise<Answer> {
    return request(this.#link, subject, body, options);
  }

  serveStreams<Opening>(
    subject: string,
    handler: (opening: Opening, stream: MessageStream, call: CallContext) => Promise<void>,
  ): AsyncDisposable {
    return serveStreams(this.#link, subject, handler);
  }

  openStream<Opening>(subject: string, opening: Opening, options?: CallOptions): Promise<MessageStream> {
    return openStream(this.#link, subject, opening, options);
  }

  async flush(): Promise<void> {
    await insist(this.#link, "flushing what was published", () => this.#link.connection.flush());
  }

  async *status(signal: AbortSignal): AsyncGenerator<LinkStatus, void> {
    const changes = new MessageQueue<LinkStatus>();
    using _listening = this.#link.onStatus((status) => changes.push(status));
    yield { type: this.#link.connected ? "connected" : "disconnected" };
    while (!signal.aborted) {
      try {
        yield await changes.take(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }
}
