import type { Balancer } from "./balancer/balancer.ts";
import type { Log } from "./log.ts";
import type { FullLane } from "./proxy/full-lane.ts";
import type { CertificateName } from "./proxy/misdirected.ts";
import type { RequestTraces } from "./proxy/request-traces.ts";
import type { RouteStore } from "./routes/route-store.ts";
import type { GatewaySettings } from "./settings.ts";

/** What every request is served with. */
export interface GatewayContext {
  readonly routes: RouteStore;
  readonly balancer: Balancer;
  readonly lane: FullLane;
  readonly traces: RequestTraces;
  readonly certificateName: CertificateName;
  readonly settings: GatewaySettings;
  readonly log: Log;
  /** Aborted when the gateway begins to end: connections are not kept for further requests. */
  readonly ending: AbortSignal;
}
