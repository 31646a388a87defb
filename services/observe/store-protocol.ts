import type { SpanBatch, Trace, TraceQuery, TraceSummary } from "#contracts/trace.ts";

/** What the Worker is started with. */
export interface StoreSettings {
  /** The database's file. */
  path: string;
  /** A trace goes this long after its last span. */
  maxAgeMs: number;
  /** The oldest traces go when the file would be larger. */
  maxBytes: number;
}

/** What the store is asked; each has one {@link StoreAnswer} of its `id`. */
export type StoreRequest =
  | { id: number; type: "add"; batch: SpanBatch | Uint8Array }
  | { id: number; type: "list"; query: TraceQuery }
  | { id: number; type: "find"; prefix: string };

export interface StoreAnswers {
  /** Spans that could not be kept, and why. */
  add: { dropped: number; reason?: string };
  list: TraceSummary[];
  /** The traces whose id begins so, a few at most; whole where there is one. */
  find: FoundTrace;
}

export interface FoundTrace {
  matches: string[];
  trace?: Trace;
}

export type StoreAnswer = { id: number; answer: StoreAnswers[keyof StoreAnswers] } | { notice: string };
