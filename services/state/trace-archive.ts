import type { SpanBatch, Trace, TraceQuery, TraceSummary } from "#contracts/trace.ts";

/** The traces that are kept, as the services see them. */
export interface TraceArchive {
  /** Resolves when the spans are kept, or given up. As bytes: the JSON of a batch that nobody has looked at. */
  add(batch: SpanBatch | Uint8Array): Promise<void>;
  /** The newest first. */
  list(query: TraceQuery): Promise<TraceSummary[]>;
  /** The ids that begin with `prefix` (hex digits), a few at most; the trace itself where there is one. */
  find(prefix: string): Promise<{ matches: string[]; trace?: Trace }>;
}
