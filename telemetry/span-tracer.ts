import {
  type Context,
  context as contextApi,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  trace,
  TraceFlags,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { newSpanId, newTraceId } from "./random-ids.ts";
import { RecordingSpan } from "./recording-span.ts";

/**
 * Makes spans that are kept. A child of a span that is not sampled is not kept either (OpenTelemetry, "ParentBased"); what has no
 * parent always is: who takes requests from the world decides by whether it ends a span.
 */
export class SpanProvider implements TracerProvider {
  readonly #onEnd: (span: RecordingSpan) => void;

  constructor(onEnd: (span: RecordingSpan) => void) {
    this.#onEnd = onEnd;
  }

  getTracer(scope: string): Tracer {
    return new SpanTracer(scope, this.#onEnd);
  }
}

type SpanWork = (span: Span) => unknown;

class SpanTracer implements Tracer {
  readonly #scope: string;
  readonly #onEnd: (span: RecordingSpan) => void;

  constructor(scope: string, onEnd: (span: RecordingSpan) => void) {
    this.#scope = scope;
    this.#onEnd = onEnd;
  }

  startSpan(name: string, options: SpanOptions = {}, context: Context = contextApi.active()): Span {
    const parent = options.root === true ? undefined : validParent(context);
    if (parent !== undefined && (parent.traceFlags & TraceFlags.SAMPLED) === 0) return trace.wrapSpanContext(parent);
    const span: SpanContext = {
      traceId: parent?.traceId ?? newTraceId(),
      spanId: newSpanId(),
      traceFlags: TraceFlags.SAMPLED,
    };
    if (parent?.traceState !== undefined) span.traceState = parent.traceState;
    const beginning = {
      context: span,
      parentSpanId: parent?.spanId,
      scope: this.#scope,
      name,
      kind: options.kind ?? SpanKind.INTERNAL,
      startTime: options.startTime,
      attributes: options.attributes ?? {},
      links: options.links ?? [],
    };
    return new RecordingSpan(beginning, this.#onEnd);
  }

  startActiveSpan<Work extends SpanWork>(name: string, ...rest: unknown[]): ReturnType<Work> {
    const work = rest.pop() as Work;
    const [options, given] = rest as [SpanOptions | undefined, Context | undefined];
    const parent = given ?? contextApi.active();
    const span = this.startSpan(name, options, parent);
    return contextApi.with(trace.setSpan(parent, span), work as never, undefined, span) as ReturnType<Work>;
  }
}

function validParent(context: Context): SpanContext | undefined {
  const parent = trace.getSpanContext(context);
  return parent !== undefined && isSpanContextValid(parent) ? parent : undefined;
}
