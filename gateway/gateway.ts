import type { Server } from "node:net";
import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { Balancer } from "./balancer/balancer.ts";
import { CertificateAuthority } from "./certificates/certificate-authority.ts";
import { CertificateFiles } from "./certificates/certificate-files.ts";
import { LeafCertificates } from "./certificates/leaf-certificates.ts";
import { ServerNames } from "./certificates/server-names.ts";
import type { GatewayContext } from "./context.ts";
import { type ServerDrain, trackConnections } from "./drain/drain-server.ts";
import { createHttpServer } from "./listener/http-server.ts";
import { createHttpsServer } from "./listener/https-server.ts";
import { listen, type ListenOn } from "./listener/listen.ts";
import { errorFields, type Log } from "./log.ts";
import { FullLane } from "./proxy/full-lane.ts";
import { RequestTraces } from "./proxy/request-traces.ts";
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
  /** Of requests: where spans are exported to a receiver of the operator's. */
  keepsAllSpans?: boolean;
  log: Log;
}

/** A running gateway. Disposal drains it. */
export interface Gateway extends AsyncDisposable {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Requests under way at an instance, one that drains or has gone included. */
  outstandingAt(instanceId: string): number;
  /** Resolves when none is; rejects with the signal's reason when it aborts before. */
  untilIdle(instanceId: string, signal: AbortSignal): Promise<void>;
  /** Stops accepting, lets requests end within `shutdownDrainMs`, aborts the rest. */
  drain(): Promise<void>;
}

/** Starts a gateway on the routes of a store, which somebody else keeps current. Makes the home's local CA on first use. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  await using stack = new AsyncDisposableStack();
  const names = await openServerNames(options, stack);
  const ending = new AbortController();
  const context = createContext(options, names, ending.signal, stack);
  const https = createHttpsServer(context, names, await names.fallback());
  const drains = [trackConnections(https)];
  const httpsPort = await listenOn(https, options.https, context);
  stack.defer(() => drainAll(drains, ending, context.settings));
  const http = createHttpServer(options.routes, options.publicHttpsPort ?? httpsPort, context.settings);
  drains.push(trackConnections(http));
  const httpPort = await listenOn(http, options.http, context);
  const running = stack.move();
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> => (drained ??= running.disposeAsync());
  const { balancer } = context;
  const outstandingAt = (instanceId: string): number => balancer.outstandingAt(instanceId);
  const untilIdle: Gateway["untilIdle"] = (instanceId, signal) => balancer.untilIdle(instanceId, signal);
  return { httpPort, httpsPort, outstandingAt, untilIdle, drain, [Symbol.asyncDispose]: drain };
}

function createContext(
  { routes, log, settings: given, keepsAllSpans }: GatewayOptions,
  names: ServerNames,
  ending: AbortSignal,
  stack: AsyncDisposableStack,
): GatewayContext {
  const settings = { ...DEFAULT_SETTINGS, ...given };
  const balancer = stack.use(new Balancer(settings));
  stack.use(routes.subscribe((table) => balancer.reconcile(table)));
  const certificateName = (host: string): string | undefined => names.certificateName(host);
  const traces = stack.use(new RequestTraces(routes, keepsAllSpans));
  return { routes, balancer, lane: new FullLane(settings), traces, certificateName, settings, log, ending };
}

async function openServerNames({ home, routes, log }: GatewayOptions, stack: AsyncDisposableStack): Promise<ServerNames> {
  const { certificates } = homeLayout(home);
  const authority = await CertificateAuthority.open(certificates);
  const files = stack.use(await CertificateFiles.open(join(certificates, "files"), log));
  const leaves = new LeafCertificates({ authority, folder: join(certificates, "leaves"), log });
  return new ServerNames({ routes, files, leaves, log });
}

/** Listens, and goes on when a connection cannot be accepted (EMFILE): those that are open are worth more. */
async function listenOn(server: Server, on: ListenOn, { settings, log }: GatewayContext): Promise<number> {
  server.maxConnections = settings.maxConnections;
  const port = await listen(server, on);
  server.on("error", (error) => log("error", `could not accept a connection on port ${port}`, errorFields(error)));
  return port;
}

async function drainAll(drains: ServerDrain[], ending: AbortController, settings: GatewaySettings): Promise<void> {
  ending.abort();
  const deadline = AbortSignal.timeout(settings.shutdownDrainMs);
  await Promise.all(drains.map((one) => one.drain(settings.unusedGraceMs, deadline)));
}
