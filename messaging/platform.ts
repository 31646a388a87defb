import type { Static, TSchema } from "typebox";
import type { BucketDefinition } from "#contracts/buckets.ts";
import type { EventType, RecordedEvent } from "#contracts/event.ts";

/** One process's connection to the platform's own account. Reconnects for ever. Disposal drains and closes it. */
export interface Platform extends AsyncDisposable {
  /** Opens a KV bucket, making it on first use and reading its configuration back. */
  bucket<Schema extends TSchema>(definition: BucketDefinition<Schema>): Promise<Bucket<Static<Schema>>>;
  readonly events: EventLog;
  /**
   * Answers requests until disposed; several servers of one subject share the work when `queue` is set. With `undecoded` the handler gets a
   * request's bytes as they came.
   */
  serve<Request, Answer>(
    subject: string,
    handler: (request: Request, call: CallContext) => Promise<Answer>,
    options?: ServeOptions,
  ): AsyncDisposable;
  /**
   * One request, one answer. The handler's SlipwayError comes back as one; nobody there is SLIPWAY_MESSAGING_NO_RESPONDER, silence
   * SLIPWAY_MESSAGING_TIMEOUT. Carries the active W3C trace context.
   */
  request<Request, Answer>(subject: string, request: Request, options?: CallOptions): Promise<Answer>;
  /** Answers stream openings until disposed. The stream ends when the handler's promise settles; its error reaches the caller. */
  serveStreams<Opening>(
    subject: string,
    handler: (opening: Opening, stream: MessageStream, call: CallContext) => Promise<void>,
  ): AsyncDisposable;
  /** Opens a stream of byte chunks both ways, with flow control. */
  openStream<Opening>(subject: string, opening: Opening, options?: CallOptions): Promise<MessageStream>;
  /** Resolves when the server has everything that was published. */
  flush(): Promise<void>;
  /** connected, then disconnected and reconnected as they happen. */
  status(signal: AbortSignal): AsyncIterable<{ type: "connected" | "disconnected" | "reconnected" }>;
}

export interface ServeOptions {
  queue?: string;
  undecoded?: boolean;
}

export interface CallOptions {
  /** Until the answer, or until the stream is accepted; 5,000 when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface CallContext {
  /** W3C Trace Context of the caller; the handler already runs in it. */
  traceparent: string | undefined;
  /** Aborted when the caller goes away or the server closes. */
  signal: AbortSignal;
}

/**
 * Two directions of ordered chunks. A sender waits while the other side has a window's worth unread: no side buffers without
 * bound. A side that vanishes is noticed by heartbeats, and the stream then fails.
 */
export interface MessageStream extends AsyncDisposable {
  /** What the other side sent; ends when it ended its direction, throws when the stream failed. */
  readonly incoming: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more. */
  send(chunk: Uint8Array): Promise<void>;
  /** Ends this direction; what the other side sends still arrives. */
  end(): Promise<void>;
  /** Aborted when the stream failed or the other side went away. */
  readonly signal: AbortSignal;
}

export interface BucketEntry<Value> {
  key: string;
  value: Value;
  revision: number;
}

export type BucketChange<Value> =
  | ({ type: "put" } & BucketEntry<Value>)
  | { type: "delete"; key: string; revision: number }
  /** Once: everything that was there when the watch began has been delivered: all changes up to this revision, deletions too. */
  | { type: "current"; revision: number };

/** A KV bucket whose values are parsed by their schema when read. A write resolves when it is stored (and synced, for `file`). */
export interface Bucket<Value> {
  get(key: string): Promise<BucketEntry<Value> | undefined>;
  /** Writes whatever was there; returns the revision. */
  put(key: string, value: Value): Promise<number>;
  /** Writes only when the key is absent (expectedRevision 0) or at this revision; else SLIPWAY_MESSAGING_CONFLICT. */
  update(key: string, value: Value, expectedRevision: number): Promise<number>;
  /** Returns the revision of the deletion. */
  delete(key: string): Promise<number>;
  /** Every entry whose key matches (NATS wildcards; all when absent). */
  entries(filter?: string): Promise<BucketEntry<Value>[]>;
  /** The current entries, then every change, until the signal aborts. Survives reconnects; a value that does not parse is skipped and logged. */
  watch(options: { filter?: string; signal: AbortSignal }): AsyncIterable<BucketChange<Value>>;
}

export interface NewEvent {
  type: EventType;
  /** `/control/controller`, `/nodes/<node>/agent`, … */
  source: string;
  /** `<project>/<service>/<instance>`, as far as it goes. */
  subject: string;
  project?: string;
  data?: Record<string, unknown>;
}

/** The platform's events, in a JetStream stream. */
export interface EventLog {
  /** Resolves with the event's cursor when it is stored. Adds id, time and traceparent. */
  append(event: NewEvent): Promise<number>;
  /** From after a cursor, or from a time; to the end, or for ever with `follow`. */
  read(options: {
    since?: number | Date;
    follow?: boolean;
    project?: string;
    signal: AbortSignal;
  }): AsyncIterable<RecordedEvent>;
  /** The newest event's cursor, 0 when there is none. */
  cursor(): Promise<number>;
}
