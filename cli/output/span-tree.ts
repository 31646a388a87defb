import type { Trace, TraceSpan } from "#contracts/trace.ts";

export interface SpanNode {
  span: TraceSpan;
  /** After the trace's beginning. */
  offsetNs: number;
  depth: number;
  isLast: boolean;
  /** For each level above, whether more of it follows. */
  rails: readonly boolean[];
}

/** A trace's spans in the order of a tree, each after its parent; one whose parent is not there (any more) is a root. */
export function spanTree({ spans }: Trace): SpanNode[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const parentOf = ({ parentSpanId }: TraceSpan): string =>
    parentSpanId !== null && ids.has(parentSpanId) ? parentSpanId : "";
  const children = Map.groupBy(spans, parentOf);
  const beginning = spans.reduce((least, span) => (startOf(span) < least ? startOf(span) : least), startOf(spans[0]!));
  const nodes: SpanNode[] = [];
  const visit = (parent: string, depth: number, rails: readonly boolean[]): void => {
    const own = (children.get(parent) ?? []).toSorted((a, b) => Number(startOf(a) - startOf(b)));
    for (const [index, span] of own.entries()) {
      const isLast = index === own.length - 1;
      nodes.push({ span, offsetNs: Number(startOf(span) - beginning), depth, isLast, rails });
      visit(span.spanId, depth + 1, depth === 0 ? [] : [...rails, !isLast]);
    }
  };
  if (spans.length > 0) visit("", 0, []);
  return nodes;
}

const startOf = ({ startUnixNano }: TraceSpan): bigint => BigInt(startUnixNano);
