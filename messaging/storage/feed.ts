import { randomUUID } from "node:crypto";
import type { ConsumerInfo } from "@nats-io/jetstream";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { isDenied, mayPass } from "../connection/failures.ts";
import { MessageQueue } from "../connection/message-queue.ts";
import { orAborted } from "../connection/or-aborted.ts";
import type { Link } from "../connection/link.ts";
import { messagingError } from "../errors.ts";
import { consumerConfig, type FeedStart, HEARTBEAT_MS } from "./consumer-config.ts";
import { readDeliveryInfo } from "./delivery-info.ts";
import { isStreamMissing, type JetStream } from "./jet-stream.ts";

const MISSED_HEARTBEATS = 3;
const STATUS_CONTROL = 100;

export type FeedItem =
  | { type: "message"; subject: string; sequence: number; headers: MsgHdrs | undefined; data: Uint8Array }
  /** Once: what was there at the beginning has been delivered. */
  | { type: "current" };

/** The server went away, or something was lost on the way: what comes next must be asked for again. */
export class FeedInterrupted extends Error {
  override readonly name = "FeedInterrupted";
}

/** True when a feed that ended with this can be asked for again; on a closed connection none can. */
export function canResume(error: unknown, link: Link): boolean {
  if (link.closed) return false;
  return error instanceof FeedInterrupted || isStreamMissing(error) || mayPass(error);
}

interface FeedOptions {
  stream: string;
  filter: string;
  start: FeedStart;
  signal: AbortSignal;
}

/**
 * The messages of a stream in order and without a gap, by a push consumer of its own with flow control: no more is on its way
 * than the reader takes. Throws FeedInterrupted rather than leaving something out.
 */
export async function* readFeed(jetStream: JetStream, options: FeedOptions): AsyncGenerator<FeedItem, never> {
  const { link } = jetStream;
  const { signal } = options;
  const session = await link.session(signal);
  const arrived = new MessageQueue<Msg>();
  const silence = new AbortController();
  const silent = setTimeout(() => silence.abort(new FeedInterrupted("no heartbeat")), HEARTBEAT_MS * MISSED_HEARTBEATS);
  const inbox = link.newInbox();
  const subscription = link.connection.subscribe(inbox, {
    callback: (_error, message) => {
      silent.refresh();
      if (message !== undefined) arrived.push(message);
    },
  });
  const name = `feed_${randomUUID()}`;
  try {
    const consumer = await orAborted(
      jetStream.manager.consumers.add(options.stream, consumerConfig({ name, inbox, ...options })),
      session,
      signal,
    );
    const take = () => arrived.take(signal, session, silence.signal);
    return yield* readInOrder(consumer, take, (subject) => link.connection.publish(subject));
  } catch (error) {
    if (session.aborted && !signal.aborted) throw new FeedInterrupted("the connection was lost", { cause: error });
    if (isDenied(error))
      throw messagingError("SLIPWAY_MESSAGING_DENIED", `reading ${options.filter} is not allowed`, { cause: error });
    throw error;
  } finally {
    clearTimeout(silent);
    subscription.unsubscribe();
    if (!session.aborted) void jetStream.manager.consumers.delete(options.stream, name).catch(() => false);
  }
}

async function* readInOrder(
  consumer: ConsumerInfo,
  take: () => Promise<Msg>,
  publish: (subject: string) => void,
): AsyncGenerator<FeedItem, never> {
  // Some may have been delivered before the answer was written.
  const initial = consumer.num_pending + consumer.delivered.consumer_seq;
  let delivered = 0;
  let current = initial === 0;
  if (current) yield { type: "current" };
  for (;;) {
    const message = await take();
    if (message.headers?.code !== undefined && message.headers.code !== 0) {
      const idle = answerControl(message, delivered, publish);
      // Heartbeats come when there is nothing to deliver: what was there at first may have been replaced since.
      if (idle && !current) yield { type: "current" };
      current ||= idle;
      continue;
    }
    const info = readDeliveryInfo(message.reply);
    if (info.consumerSequence !== ++delivered) throw new FeedInterrupted(`message ${delivered} is missing`);
    yield {
      type: "message",
      subject: message.subject,
      sequence: info.streamSequence,
      headers: message.headers,
      data: message.data,
    };
    if (!current && (delivered >= initial || info.pending === 0)) {
      current = true;
      yield { type: "current" };
    }
  }
}

/** Answers flow control, checks heartbeats; true for a heartbeat. */
function answerControl(message: Msg, delivered: number, publish: (subject: string) => void): boolean {
  if (message.headers?.code !== STATUS_CONTROL)
    throw new FeedInterrupted(`the consumer ended: ${message.headers?.description}`);
  if (message.reply !== undefined && message.reply !== "") {
    publish(message.reply);
    return false;
  }
  const stalled = message.headers.get("Nats-Consumer-Stalled");
  if (stalled !== "") publish(stalled);
  const sent = message.headers.get("Nats-Last-Consumer");
  if (sent !== "" && Number(sent) !== delivered) throw new FeedInterrupted(`message ${sent} is missing`);
  return true;
}
