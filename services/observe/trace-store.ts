import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { processEntry } from "#contracts/process-entry.ts";
import type { SpanBatch, TraceQuery, TraceSummary } from "#contracts/trace.ts";
import type { Log } from "#services/state/log.ts";
import type { TraceArchive } from "#services/state/trace-archive.ts";
import { decodeBatch } from "./decode-batch.ts";
import { observeError } from "./errors.ts";
import type { FoundTrace, StoreAnswer, StoreAnswers, StoreRequest, StoreSettings } from "./store-protocol.ts";

/** Batches that may wait for the disk; more are dropped. */
const MOST_WAITING = 128;
const CLOSE_PATIENCE_MS = 2_000;
/** A Worker that ends by itself would end again: so long none is started. */
const RESTART_PAUSE_MS = 5_000;
/** The Worker holds no more than a batch and an answer: a small young generation keeps an idle one small. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 128, stackSizeMb: 1 };

type RequestOf<Type extends StoreRequest["type"]> = Omit<Extract<StoreRequest, { type: Type }>, "id">;

/** The traces of the platform. Its Worker is started when there is something to keep or to look for, and again should it end. */
export class TraceStore implements TraceArchive, AsyncDisposable {
  readonly #settings: StoreSettings;
  readonly #log: Log;
  readonly #waiting = new Map<number, PromiseWithResolvers<never>>();
  #worker: Worker | undefined;
  #adding = 0;
  #dropped = 0;
  #nextId = 1;
  #closed = false;
  #pausedUntil = 0;

  constructor(settings: StoreSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Spans that could not be kept, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves when the spans are kept, or cannot be: nobody is to send them again. */
  async add(batch: SpanBatch | Uint8Array): Promise<void> {
    if (this.#closed || this.#adding >= MOST_WAITING) {
      this.#dropped += countSpans(batch);
      return;
    }
    this.#adding += 1;
    try {
      // A copy: what came is a part of a larger buffer, which would be cloned as a whole.
      const own = batch instanceof Uint8Array ? batch.slice() : batch;
      const { dropped } = await this.#ask<"add">({ type: "add", batch: own });
      this.#dropped += dropped;
    } catch {
      this.#dropped += countSpans(batch);
    } finally {
      this.#adding -= 1;
    }
  }

  list(query: TraceQuery): Promise<TraceSummary[]> {
    return this.#ask<"list">({ type: "list", query });
  }

  find(prefix: string): Promise<FoundTrace> {
    return this.#ask<"find">({ type: "find", prefix });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const ended = once(worker, "exit");
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a Worker's takes none
    worker.postMessage("close");
    const timer = setTimeout(() => void worker.terminate(), CLOSE_PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  }

  #ask<Type extends StoreRequest["type"]>(request: RequestOf<Type>): Promise<StoreAnswers[Type]> {
    if (this.#closed) return Promise.reject(away("is closed"));
    if (performance.now() < this.#pausedUntil) return Promise.reject(away("has failed and is started again in a moment"));
    const id = this.#nextId++;
    const settle = Promise.withResolvers<never>();
    this.#waiting.set(id, settle);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a Worker's takes none
    (this.#worker ??= this.#start()).postMessage({ ...request, id });
    return settle.promise;
  }

  #start(): Worker {
    const worker = new Worker(processEntry("traces"), {
      workerData: this.#settings,
      resourceLimits: WORKER_LIMITS,
      name: "traces",
    });
    // The control process ends when its servers do, whatever the Worker does.
    worker.unref();
    worker.on("message", (message: StoreAnswer) => this.#take(message));
    worker.on("error", (error) => this.#log("the store of traces failed", error));
    worker.once("exit", () => this.#ended(worker));
    return worker;
  }

  #take(message: StoreAnswer): void {
    if ("notice" in message) return this.#log(message.notice);
    this.#waiting.get(message.id)?.resolve(message.answer as never);
    this.#waiting.delete(message.id);
  }

  /** Whoever waits for it waits in vain; the next request starts another. */
  #ended(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#pausedUntil = performance.now() + RESTART_PAUSE_MS;
    for (const { reject } of this.#waiting.values()) reject(away("ended"));
    this.#waiting.clear();
  }
}

const away = (how: string): Error => observeError("SLIPWAY_OBSERVE_STORE_AWAY", `the store of traces ${how}`);

function countSpans(batch: SpanBatch | Uint8Array): number {
  if (batch instanceof Uint8Array) return countEncoded(batch);
  return batch.resourceSpans.reduce(
    (sum, { scopeSpans }) => sum + scopeSpans.reduce((own, { spans }) => own + spans.length, 0),
    0,
  );
}

/** What is no batch counts as one. */
function countEncoded(json: Uint8Array): number {
  try {
    return countSpans(decodeBatch(json));
  } catch {
    return 1;
  }
}
