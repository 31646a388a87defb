import type { RouteTarget } from "#contracts/route.ts";
import type { Route, RouteTable } from "../routes/route-table.ts";
import type { GatewaySettings } from "../settings.ts";
import { pickUpstream } from "./pick-upstream.ts";
import { type Lease, Upstream, upstreamKey } from "./upstream.ts";

/** none: the route has no ready target left. full: all ready targets have as many requests as they may. */
export type Acquired = { type: "lease"; lease: Lease } | { type: "none" } | { type: "full" };

interface RouteUpstreams {
  upstreams: Upstream[];
  cursor: number;
}

/** Chooses a target for each request, and follows the targets of the route table. */
export class Balancer implements Disposable {
  readonly #settings: GatewaySettings;
  readonly #upstreams = new Map<string, Upstream>();
  /** Retired, with requests still under way. */
  readonly #leaving = new Set<Upstream>();
  #routes = new Map<string, RouteUpstreams>();

  constructor(settings: GatewaySettings) {
    this.#settings = settings;
  }

  /** Makes the targets those of a new table: kept ones keep their connections, gone ones drain. */
  reconcile(table: RouteTable): void {
    const routes = new Map<string, RouteUpstreams>();
    const named = new Set<string>();
    for (const route of table.routes) {
      const upstreams = route.targets.map((target) => this.#follow(target));
      for (const upstream of upstreams) named.add(upstream.key);
      routes.set(route.key, { upstreams, cursor: this.#routes.get(route.key)?.cursor ?? 0 });
    }
    this.#routes = routes;
    for (const [key, upstream] of this.#upstreams) if (!named.has(key)) this.#retire(upstream);
    for (const upstream of this.#leaving) if (upstream.outstanding === 0) this.#leaving.delete(upstream);
  }

  /** Takes a ready target that is not in `tried`; the caller releases the lease. */
  acquire(route: Route, tried: ReadonlySet<Upstream>): Acquired {
    const entry = this.#routes.get(route.key);
    if (entry === undefined) return { type: "none" };
    const ready = (upstream: Upstream): boolean => upstream.state === "ready" && !tried.has(upstream);
    const free = (upstream: Upstream): boolean => upstream.outstanding < this.#settings.maxOutstandingPerTarget;
    const now = performance.now();
    const { upstreams, cursor } = entry;
    let index = pickUpstream(upstreams, cursor, (one) => ready(one) && free(one) && one.avoidUntil <= now);
    if (index < 0) index = pickUpstream(upstreams, cursor, (one) => ready(one) && free(one));
    const upstream = upstreams[index];
    if (upstream === undefined) return { type: upstreams.some(ready) ? "full" : "none" };
    entry.cursor = index + 1;
    return { type: "lease", lease: upstream.begin() };
  }

  /** A connection was refused: with the fewest requests of all it would draw every next one. */
  avoid(upstream: Upstream): void {
    upstream.avoidUntil = performance.now() + this.#settings.avoidMs;
  }

  /** Aborts everything under way. */
  [Symbol.dispose](): void {
    for (const upstream of [...this.#upstreams.values(), ...this.#leaving]) upstream.close();
    this.#upstreams.clear();
    this.#leaving.clear();
  }

  #follow(target: RouteTarget): Upstream {
    const key = upstreamKey(target);
    let upstream = this.#upstreams.get(key);
    if (upstream === undefined) {
      upstream = new Upstream(target, this.#settings);
      this.#upstreams.set(key, upstream);
    }
    upstream.state = target.state;
    if (target.state === "draining") upstream.drain(this.#settings.targetDrainMs);
    else upstream.resume();
    return upstream;
  }

  #retire(upstream: Upstream): void {
    this.#upstreams.delete(upstream.key);
    if (upstream.outstanding > 0) this.#leaving.add(upstream);
    upstream.retire(this.#settings.targetDrainMs);
  }
}
