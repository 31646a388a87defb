import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformEvent, type RecordedEvent } from "#contracts/event.ts";
import { parse } from "#contracts/parse.ts";
import { EVENT_STREAM, EVENT_SUBJECTS, eventSubject } from "#contracts/subjects.ts";
import { currentTraceparent } from "../calls/trace-headers.ts";
import type { EventLog, NewEvent } from "../platform.ts";
import type { FeedStart } from "./consumer-config.ts";
import { canResume } from "./feed.ts";
import type { JetStream } from "./jet-stream.ts";
import { StoredStream } from "./stored-stream.ts";

const KEPT_FOR_MS = 7 * 24 * 3_600_000;
const KEPT_BYTES = 512 * 1024 ** 2;
const RESUME_PAUSE_MS = 50;

/** The event log, in the stream that the first append or read makes. */
export class StoredEventLog implements EventLog {
  readonly #jetStream: JetStream;
  #opening: Promise<StoredStream> | undefined;

  constructor(jetStream: JetStream) {
    this.#jetStream = jetStream;
  }

  async append(event: NewEvent): Promise<number> {
    const stream = await this.#stream();
    const id = randomUUID();
    const traceparent = currentTraceparent();
    const recorded: PlatformEvent = {
      specversion: "1.0",
      id,
      source: event.source,
      type: `dev.slipway.${event.type}`,
      subject: event.subject,
      time: new Date().toISOString(),
      datacontenttype: "application/json",
      ...(traceparent === undefined ? {} : { traceparent }),
      data: event.data ?? {},
    };
    const headers = { "content-type": "application/cloudevents+json" };
    return stream.publish(eventSubject(event.type, event.project), JSON.stringify(recorded), { headers, id });
  }

  async *read(options: Parameters<EventLog["read"]>[0]): AsyncGenerator<RecordedEvent, void> {
    const { signal, follow = false } = options;
    const stream = await this.#stream();
    const filter = options.project === undefined ? EVENT_SUBJECTS : eventSubject("*.*", options.project);
    let start = await this.#startOf(stream, options.since, signal);
    while (!signal.aborted) {
      try {
        for await (const item of stream.read(filter, start, signal)) {
          if (item.type === "current") {
            if (!follow) return;
            continue;
          }
          start = { from: "sequence", sequence: item.sequence + 1 };
          const event = this.#parse(item.sequence, item.data);
          if (event !== undefined) yield { cursor: item.sequence, event };
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!canResume(error, this.#jetStream.link)) throw error;
        await delay(RESUME_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async cursor(): Promise<number> {
    const stream = await this.#stream();
    const { state } = await stream.info();
    return state.last_seq;
  }

  /** A cursor from a log that was lost since would wait for events that never come: it begins at the end. */
  async #startOf(stream: StoredStream, since: number | Date | undefined, signal: AbortSignal): Promise<FeedStart> {
    if (since === undefined) return { from: "first" };
    if (since instanceof Date) return { from: "time", time: since };
    const { state } = await stream.info(signal);
    return { from: "sequence", sequence: Math.min(since, state.last_seq) + 1 };
  }

  #stream(): Promise<StoredStream> {
    this.#opening ??= StoredStream.open(this.#jetStream, {
      name: EVENT_STREAM,
      subjects: [EVENT_SUBJECTS],
      storage: "file",
      maxAgeMs: KEPT_FOR_MS,
      maxBytes: KEPT_BYTES,
    }).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  #parse(cursor: number, data: Uint8Array): PlatformEvent | undefined {
    try {
      return parse(PlatformEvent, JSON.parse(Buffer.from(data).toString("utf8")), `event ${cursor}`);
    } catch (error) {
      this.#jetStream.link.log(`messaging: skipped event ${cursor}: ${(error as Error).message}`);
      return undefined;
    }
  }
}
