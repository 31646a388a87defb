import { createServer } from "node:http";
import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { Balancer } from "./balancer/balancer.ts";
import { CertificateAuthority } from "./certificates/certificate-authority.ts";
import { CertificateFiles } from "./certificates/certificate-files.ts";
import { LeafCertificates } from "./certificates/leaf-certificates.ts";
import { ServerNames } from "./certificates/server-names.ts";
import type { GatewayContext } from "./context.ts";
import { type ServerDrain, trackConnections } from "./drain/drain-server.ts";
import { createHttpsServer, http1Options } from "./listener/https-server.ts";
import { listen, type ListenOn } from "./listener/listen.ts";
import type { Log } from "./log.ts";
import { FullLane } from "./proxy/full-lane.ts";
import { redirectToHttps } from "./proxy/https-redirect.ts";
import type { RouteStore } from "./routes/route-store.ts";
import { DEFAULT_SETTINGS, type GatewaySettings } from "./settings.ts";

export interface GatewayOptions {
  home: string;
  routes: RouteStore;
  http: ListenOn;
  https: ListenOn;
  /** The HTTPS port as clients see it, for redirects; the one listened on when absent. */
  publicHttpsPort?: number;
  settings?: Partial<GatewaySettings>;
  log: Log;
}

/** A running gateway. Disposal drains it. */
export interface Gateway extends AsyncDisposable {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Stops accepting, lets requests end within `shutdownDrainMs`, aborts the rest. */
  drain(): Promise<void>;
}

/** Starts a gateway on the routes of a store, which somebody else keeps current. Makes the home's local CA on first use. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  await using stack = new AsyncDisposableStack();
  const { routes, log } = options;
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const names = await openServerNames(options, stack);
  const balancer = stack.use(new Balancer(settings));
  stack.use(routes.subscribe((table) => balancer.reconcile(table)));
  const ending = new AbortController();
  const context: GatewayContext = {
    routes,
    balancer,
    lane: new FullLane(settings),
    certificateName: (host) => names.certificateName(host),
    settings,
    log,
    ending: ending.signal,
  };
  const https = createHttpsServer(context, names, await names.fallback());
  const drains = [trackConnections(https)];
  const httpsPort = await listen(https, options.https);
  stack.defer(() => drainAll(drains, ending, settings.shutdownDrainMs));
  const publicPort = options.publicHttpsPort ?? httpsPort;
  const http = createServer(http1Options(settings), (request, response) =>
    redirectToHttps(routes, publicPort, request, response),
  );
  drains.push(trackConnections(http));
  const httpPort = await listen(http, options.http);
  const running = stack.move();
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> => (drained ??= running.disposeAsync());
  return { httpPort, httpsPort, drain, [Symbol.asyncDispose]: drain };
}

async function openServerNames({ home, routes, log }: GatewayOptions, stack: AsyncDisposableStack): Promise<ServerNames> {
  const { certificates } = homeLayout(home);
  const authority = await CertificateAuthority.open(certificates);
  const files = stack.use(await CertificateFiles.open(join(certificates, "files"), log));
  const leaves = new LeafCertificates({ authority, folder: join(certificates, "leaves"), log });
  return new ServerNames({ routes, files, leaves, log });
}

async function drainAll(drains: ServerDrain[], ending: AbortController, deadlineMs: number): Promise<void> {
  ending.abort();
  const deadline = AbortSignal.timeout(deadlineMs);
  await Promise.all(drains.map((one) => one.drain(deadline)));
}
