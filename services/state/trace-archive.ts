import type { SpanBatch, Trace, TraceQuery, TraceSummary } from "#contracts/trace.ts";

/** The traces that are kept, as the services see them. */
export interface TraceArchive {
  /** Resolves when the spans are kept, or given up. */
  add(batch: SpanBatch): Promise<void>;
  /** The newest first. */
  list(query: TraceQuery): Promise<TraceSummary[]>;
  /** The ids that begin with `prefix` (hex digits), a few at most; the trace itself where there is one. */
  find(prefix: string): Promise<{ matches: string[]; trace?: Trace }>;
}
