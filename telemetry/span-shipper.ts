import type { Attributes } from "@opentelemetry/api";
import type { FailureLog } from "./failure-log.ts";
import { approximateSize, encodeBatch, encodeSpan, type OtlpBatch, type OtlpSpan } from "./otlp-json.ts";
import type { RecordingSpan } from "./recording-span.ts";

const MOST_WAITING = 4_096;
const MOST_IN_BATCH = 512;
/** Well below the largest message that nats-server takes (1 MiB). */
const BATCH_CHARACTERS = 256 * 1024;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/** Takes one batch; one that it rejects is offered again. */
export type SendBatch = (batch: OtlpBatch, signal: AbortSignal) => Promise<void>;

export interface ShipperOptions {
  resource: Attributes;
  /** So long spans are gathered before they go. */
  delayMs: number;
  /** So long disposal waits for what is left. */
  patienceMs: number;
  log: FailureLog;
}

/**
 * Spans on their way to one receiver, in batches. Nobody waits for them: while the receiver is away they wait here, and when there are too
 * many the oldest are dropped. Has a timer only while there is something to send.
 */
export class SpanShipper implements AsyncDisposable {
  readonly #options: ShipperOptions;
  #waiting: RecordingSpan[] = [];
  #dropped = 0;
  #send: SendBatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #draining: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  readonly #closing = new AbortController();

  constructor(options: ShipperOptions, send?: SendBatch) {
    this.#options = options;
    this.#send = send;
  }

  /** Spans that were let go since the start, because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** From when on there is somewhere to send them. Disposal sends what is left; from then on there is not. */
  open(send: SendBatch): AsyncDisposable {
    this.#send = send;
    this.#sendIn(0);
    return {
      [Symbol.asyncDispose]: async () => {
        await this.#flush();
        this.#send = undefined;
      },
    };
  }

  push(span: RecordingSpan): void {
    this.#waiting.push(span);
    this.#letGo();
    this.#sendIn(this.#options.delayMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush();
    this.#closing.abort();
    this.#waiting = [];
  }

  async #flush(): Promise<void> {
    const limit = setTimeout(() => this.#closing.abort(), this.#options.patienceMs);
    await this.#draining;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#drain();
    clearTimeout(limit);
  }

  #sendIn(delayMs: number): void {
    if (this.#timer !== undefined || this.#draining !== undefined || this.#closing.signal.aborted) return;
    if (this.#send === undefined || this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#draining = this.#drain().finally(() => {
        this.#draining = undefined;
        this.#sendIn(this.#retryMs === FIRST_RETRY_MS ? this.#options.delayMs : this.#retryMs);
      });
    }, delayMs);
    // What is left at the end is sent by disposal: spans alone keep no process alive.
    this.#timer.unref();
  }

  /** Sends until nothing waits, or a batch is not taken. */
  async #drain(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#send !== undefined && this.#waiting.length > 0 && !signal.aborted) {
      const batch = this.#take();
      try {
        await unlessAborted(this.#send(encodeBatch(this.#options.resource, batch), signal), signal);
        this.#retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#options.log.error(`spans are not taken: ${error instanceof Error ? error.message : String(error)}`);
        this.#waiting.unshift(...batch.map(({ of }) => of));
        this.#letGo();
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
        return;
      }
    }
  }

  #take(): { of: RecordingSpan; scope: string; span: OtlpSpan }[] {
    const batch: { of: RecordingSpan; scope: string; span: OtlpSpan }[] = [];
    let characters = 0;
    for (const of of this.#waiting) {
      const span = encodeSpan(of);
      characters += approximateSize(span);
      if (batch.length > 0 && (batch.length >= MOST_IN_BATCH || characters > BATCH_CHARACTERS)) break;
      batch.push({ of, scope: of.scope, span });
    }
    this.#waiting.splice(0, batch.length);
    return batch;
  }

  #letGo(): void {
    const excess = this.#waiting.length - MOST_WAITING;
    if (excess <= 0) return;
    this.#waiting.splice(0, excess);
    if (this.#dropped === 0) this.#options.log.error(`more than ${MOST_WAITING} spans wait: the oldest are dropped`);
    this.#dropped += excess;
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
