import type { RouteTarget } from "#contracts/route.ts";
import { orAborted } from "#messaging/connection/or-aborted.ts";
import type { Route, RouteTable } from "../routes/route-table.ts";
import type { GatewaySettings } from "../settings.ts";
import { type Candidate, pickUpstream } from "./pick-upstream.ts";
import { type Lease, Upstream, upstreamKey } from "./upstream.ts";

/** none: the route has no ready target left. full: all ready targets have as many requests as they may. */
export type Acquired = { type: "lease"; lease: Lease } | { type: "none" } | { type: "full" };

interface RouteUpstreams {
  candidates: Candidate[];
  cursor: number;
}

/** Chooses a target for each request, and follows the targets of the route table. */
export class Balancer implements Disposable {
  readonly #settings: GatewaySettings;
  readonly #upstreams = new Map<string, Upstream>();
  /** Retired, with requests still under way. */
  readonly #leaving = new Set<Upstream>();
  /** Told whenever an upstream has no more requests under way. */
  readonly #idleListeners = new Set<() => void>();
  readonly #tellIdle = (): void => this.#idleListeners.forEach((listener) => listener());
  #routes = new Map<string, RouteUpstreams>();

  constructor(settings: GatewaySettings) {
    this.#settings = settings;
  }

  /** Makes the targets those of a new table: kept ones keep their connections, gone ones drain. */
  reconcile(table: RouteTable): void {
    const routes = new Map<string, RouteUpstreams>();
    const named = new Map<Upstream, { draining: boolean }>();
    for (const route of table.routes) {
      const candidates = route.targets.map((target) => {
        const upstream = this.#upstreamOf(target);
        const draining = target.state === "draining" && named.get(upstream)?.draining !== false;
        named.set(upstream, { draining });
        return { upstream, ready: target.state === "ready" };
      });
      routes.set(route.key, { candidates, cursor: this.#routes.get(route.key)?.cursor ?? 0 });
    }
    this.#routes = routes;
    for (const upstream of this.#upstreams.values()) this.#settle(upstream, named.get(upstream));
    for (const upstream of this.#leaving) if (upstream.outstanding === 0) this.#leaving.delete(upstream);
  }

  /** Takes a ready target that is not in `tried`; the caller releases the lease. */
  acquire(route: Route, tried: ReadonlySet<Upstream>): Acquired {
    const entry = this.#routes.get(route.key);
    if (entry === undefined) return { type: "none" };
    const free = (one: Upstream): boolean => !tried.has(one) && one.outstanding < this.#settings.maxOutstandingPerTarget;
    const now = performance.now();
    const { candidates, cursor } = entry;
    let index = pickUpstream(candidates, cursor, (one) => free(one) && one.avoidUntil <= now);
    if (index < 0) index = pickUpstream(candidates, cursor, free);
    const upstream = candidates[index]?.upstream;
    if (upstream === undefined) {
      const full = candidates.some((one) => one.ready && !tried.has(one.upstream));
      return { type: full ? "full" : "none" };
    }
    entry.cursor = index + 1;
    return { type: "lease", lease: upstream.begin() };
  }

  /** A connection was refused: with the fewest requests of all it would draw every next one. */
  avoid(upstream: Upstream): void {
    upstream.avoidUntil = performance.now() + this.#settings.avoidMs;
  }

  /** Requests under way at an instance, one that drains or has gone included. */
  outstandingAt(instanceId: string): number {
    let outstanding = 0;
    for (const upstream of [...this.#upstreams.values(), ...this.#leaving]) {
      if (upstream.instanceId === instanceId) outstanding += upstream.outstanding;
    }
    return outstanding;
  }

  /** Resolves when no request is under way at an instance; rejects with the signal's reason when it aborts before. */
  async untilIdle(instanceId: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.outstandingAt(instanceId) === 0) resolve();
    };
    this.#idleListeners.add(look);
    try {
      look();
      await orAborted(promise, signal);
    } finally {
      this.#idleListeners.delete(look);
    }
  }

  /** Aborts everything under way. */
  [Symbol.dispose](): void {
    for (const upstream of [...this.#upstreams.values(), ...this.#leaving]) upstream.close();
    this.#upstreams.clear();
    this.#leaving.clear();
  }

  #upstreamOf(target: RouteTarget): Upstream {
    const key = upstreamKey(target);
    let upstream = this.#upstreams.get(key);
    if (upstream === undefined) {
      upstream = new Upstream(target, this.#settings, this.#tellIdle);
      this.#upstreams.set(key, upstream);
    }
    return upstream;
  }

  /** Drains what every route that names it drains, and retires what none names. */
  #settle(upstream: Upstream, named: { draining: boolean } | undefined): void {
    if (named?.draining === false) upstream.resume();
    else if (named !== undefined) upstream.drain(this.#settings.targetDrainMs);
    else {
      this.#upstreams.delete(upstream.key);
      if (upstream.outstanding > 0) this.#leaving.add(upstream);
      upstream.retire(this.#settings.targetDrainMs);
    }
  }
}
