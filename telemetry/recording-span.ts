import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import { atSteady, nowMs } from "./clock.ts";

/** OpenTelemetry's own limit for attributes; events are the steps of a launch, of which there may be two hundred. */
const MOST_ATTRIBUTES = 128;
const MOST_EVENTS = 512;
const LONGEST_TEXT = 4_096;

/**
 * A number below is of performance.now(). The year 2001, and not when this process began: the clock may have been set back since, and a time
 * of the epoch would be taken for one of the process.
 */
const EARLIEST_EPOCH_MS = 1e12;

export interface SpanEvent {
  name: string;
  timeMs: number;
  attributes: Attributes;
}

export interface SpanBeginning {
  context: SpanContext;
  parentSpanId: string | undefined;
  /** The tracer's name. */
  scope: string;
  name: string;
  kind: SpanKind;
  startTime: TimeInput | undefined;
  attributes: Attributes;
  links: readonly Link[];
}

/** A span that is kept when it ends; one that never ends is never kept, so that who began it may still decide. */
export class RecordingSpan implements Span {
  readonly parentSpanId: string | undefined;
  readonly scope: string;
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly attributes: Attributes = {};
  events: SpanEvent[] | undefined;
  links: Link[] | undefined;
  name: string;
  endMs = 0;
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  readonly #context: SpanContext;
  readonly #startedAt: number | undefined;
  readonly #onEnd: (span: RecordingSpan) => void;
  #attributeCount = 0;
  #ended = false;

  constructor(beginning: SpanBeginning, onEnd: (span: RecordingSpan) => void) {
    this.#context = beginning.context;
    this.parentSpanId = beginning.parentSpanId;
    this.scope = beginning.scope;
    this.name = beginning.name;
    this.kind = beginning.kind;
    this.#startedAt = beginning.startTime === undefined ? performance.now() : undefined;
    this.startMs = toMilliseconds(beginning.startTime);
    this.#onEnd = onEnd;
    this.setAttributes(beginning.attributes);
    if (beginning.links.length > 0) this.links = [...beginning.links];
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.#ended) return this;
    if (!(key in this.attributes)) {
      if (this.#attributeCount >= MOST_ATTRIBUTES) return this;
      this.#attributeCount += 1;
    }
    this.attributes[key] = bounded(value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) {
      const value = attributes[key];
      if (value !== undefined) this.setAttribute(key, value);
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#ended || (this.events?.length ?? 0) >= MOST_EVENTS) return this;
    const hasAttributes = isAttributes(attributesOrTime);
    const attributes = hasAttributes ? attributesOrTime : {};
    const at = hasAttributes ? time : attributesOrTime;
    (this.events ??= []).push({ name, timeMs: toMilliseconds(at), attributes });
    return this;
  }

  addLink(link: Link): this {
    if (!this.#ended) (this.links ??= []).push(link);
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (!this.#ended) this.status = status;
    return this;
  }

  updateName(name: string): this {
    if (!this.#ended) this.name = name;
    return this;
  }

  /** The duration is the monotonic clock's, unless a time is given: a clock that is set back must not make it negative. */
  end(endTime?: TimeInput): void {
    if (this.#ended) return;
    this.#ended = true;
    const measured = this.#startedAt === undefined ? nowMs() : this.startMs + performance.now() - this.#startedAt;
    this.endMs = Math.max(this.startMs, endTime === undefined ? measured : toMilliseconds(endTime));
    this.#onEnd(this);
  }

  isRecording(): boolean {
    return !this.#ended;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, message, code } = typeof exception === "string" ? { message: exception } : (exception as ErrorFields);
    const attributes = { "exception.type": String(code ?? name ?? "Error"), "exception.message": bounded(message ?? "") };
    this.addEvent("exception", attributes, time);
  }
}

interface ErrorFields {
  name?: string;
  message?: string;
  code?: string | number;
}

function bounded<Value extends AttributeValue>(value: Value): Value {
  return typeof value === "string" && value.length > LONGEST_TEXT ? (value.slice(0, LONGEST_TEXT) as Value) : value;
}

function isAttributes(value: Attributes | TimeInput | undefined): value is Attributes {
  return typeof value === "object" && !(value instanceof Date) && !Array.isArray(value);
}

/** Milliseconds since the epoch. A number that small is of `performance.now()` (OpenTelemetry's TimeInput). */
function toMilliseconds(time: TimeInput | undefined): number {
  if (time === undefined) return nowMs();
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6;
  if (typeof time !== "number") return time.getTime();
  return time < EARLIEST_EPOCH_MS ? atSteady(time) : time;
}
