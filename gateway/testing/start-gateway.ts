import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { routeKey } from "#contracts/buckets.ts";
import type { RouteEntry, RouteTarget } from "#contracts/route.ts";
import { readCaCertificate } from "../certificates/certificate-authority.ts";
import { openGateway, type GatewayOptions } from "../gateway.ts";
import type { LogFields } from "../log.ts";
import { RouteStore } from "../routes/route-store.ts";
import { RouteTable } from "../routes/route-table.ts";

export interface TestGateway extends AsyncDisposable {
  readonly home: string;
  readonly ca: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly routes: RouteStore;
  readonly logged: { level: string; message: string; fields: LogFields }[];
  /** Adds or replaces one route. */
  route(host: string, path: string, targets: RouteTarget[]): void;
  removeRoute(host: string, path: string): void;
  outstandingAt(instanceId: string): number;
  drain(): Promise<void>;
}

/** A real gateway on free ports, with a home of its own that goes when it is disposed. */
export async function startGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), "slipway-gateway-")));
  const routes = new RouteStore();
  const entries = new Map<string, RouteEntry>();
  const logged: TestGateway["logged"] = [];
  const publish = (): void => routes.replace(new RouteTable(entries.values()), "live");
  const log = (level: string, message: string, fields: LogFields = {}): void =>
    void logged.push({ level, message, fields });
  const gateway = await openGateway({ home, routes, http: { port: 0 }, https: { port: 0 }, log, ...options });
  return {
    home,
    ca: await readCaCertificate(home),
    httpPort: gateway.httpPort,
    httpsPort: gateway.httpsPort,
    routes,
    logged,
    route(host, path, targets) {
      entries.set(routeKey(host, path), { host, path, project: "shop", service: "web", targets });
      publish();
    },
    removeRoute(host, path) {
      entries.delete(routeKey(host, path));
      publish();
    },
    outstandingAt: (instanceId) => gateway.outstandingAt(instanceId),
    drain: () => gateway.drain(),
    async [Symbol.asyncDispose]() {
      await gateway.drain();
      await rm(home, { recursive: true, force: true });
    },
  };
}
