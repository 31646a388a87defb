import { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { RouteTarget } from "#contracts/route.ts";
import type { RouteStore } from "../routes/route-store.ts";
import { KeepRate } from "./keep-rate.ts";
import type { RequestTrace } from "./trace-context.ts";

/** Requests of which a trace is kept, a second: who asks from outside cannot fill the store, whatever their traceparent says. */
const ANSWERED_PER_SECOND = 5;
const FAILED_PER_SECOND = 20;
/** Instances that have gone are remembered while there is room: each may come back from a restart. */
const MOST_REMEMBERED = 1_000;

export interface RequestEnd {
  status: number;
  error?: Error | undefined;
  /** The instance that answered. */
  instanceId?: string | undefined;
}

/**
 * Decides which requests' spans are kept, and puts the first answer of each new instance into the trace that started it: there a deploy's
 * way ends.
 */
export class RequestTraces implements Disposable {
  readonly #answered: KeepRate;
  readonly #failed: KeepRate;
  readonly #resources = new DisposableStack();
  /** Instances that have yet to answer here, and the trace that each was started in. */
  readonly #awaited = new Map<string, string>();
  /** What each instance was last started in that is told of, or is older than we are: one that comes back from a restart is no news. */
  readonly #told = new Map<string, string>();
  #hasTable = false;

  /** @param keepsAll where spans are exported to a receiver of the operator's, which samples by itself */
  constructor(routes: RouteStore, keepsAll = false) {
    this.#answered = new KeepRate(keepsAll ? Number.POSITIVE_INFINITY : ANSWERED_PER_SECOND);
    this.#failed = new KeepRate(keepsAll ? Number.POSITIVE_INFINITY : FAILED_PER_SECOND);
    this.#resources.use(
      routes.subscribe((table) => {
        if (routes.origin === "live") this.#takeTargets(table.routes.flatMap((route) => route.targets));
      }),
    );
  }

  /** Ends a request's span with the answer's status, and the error that caused it. One that is not kept is never ended. */
  end({ span, startedAtMs }: RequestTrace, { status, error, instanceId }: RequestEnd): void {
    span.setAttribute("http.response.status_code", status);
    if (instanceId !== undefined) span.setAttribute("slipway.instance.id", instanceId);
    if (error !== undefined) span.recordException(error);
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    const isFirst =
      instanceId !== undefined && this.#awaited.size > 0 && this.#tellFirst(instanceId, { span, startedAtMs });
    const rate = status >= 500 ? this.#failed : this.#answered;
    if (isFirst || rate.keeps(performance.now())) span.end();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #tellFirst(instanceId: string, { span, startedAtMs }: Pick<RequestTrace, "span" | "startedAtMs">): boolean {
    const traceparent = this.#awaited.get(instanceId);
    if (traceparent === undefined) return false;
    this.#awaited.delete(instanceId);
    this.#told.set(instanceId, traceparent);
    const options = {
      kind: SpanKind.SERVER,
      startTime: startedAtMs,
      attributes: { "slipway.instance.id": instanceId },
      links: [{ context: span.spanContext() }],
    };
    const parent = propagation.extract(ROOT_CONTEXT, { traceparent });
    trace.getTracer("slipway.gateway").startSpan("first request", options, parent).end();
    return true;
  }

  /** What the first whole table has was there before us, and may have answered long ago. */
  #takeTargets(targets: readonly RouteTarget[]): void {
    const isFirst = !this.#hasTable;
    this.#hasTable = true;
    const present = new Set(targets.map(({ instanceId }) => instanceId));
    for (const instanceId of this.#awaited.keys()) if (!present.has(instanceId)) this.#awaited.delete(instanceId);
    for (const { instanceId, traceparent } of targets) {
      if (traceparent === undefined || this.#told.get(instanceId) === traceparent) continue;
      if (isFirst) this.#told.set(instanceId, traceparent);
      else this.#awaited.set(instanceId, traceparent);
    }
    for (const instanceId of this.#told.keys()) {
      if (this.#told.size <= MOST_REMEMBERED) break;
      if (!present.has(instanceId)) this.#told.delete(instanceId);
    }
  }
}
