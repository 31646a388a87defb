import { closeSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { SpanBatch } from "#contracts/trace.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { orAborted } from "#messaging/connection/or-aborted.ts";
import { sendSpans } from "#messaging/send-spans.ts";
import type { GatewayEnvironment } from "./environment.ts";
import { type Gateway, openGateway } from "./gateway.ts";
import { errorFields, type Log } from "./log.ts";
import { cacheRoutes, restoreRoutes } from "./routes/route-cache.ts";
import { followRoutes } from "./routes/follow-routes.ts";
import { answerWhetherInForce, type UntilIdle } from "./routes/routes-in-force.ts";
import { RouteStore } from "./routes/route-store.ts";

/** How long the first connections wait in the listener's queue for current routes, before cached ones (or none) must do. */
const FIRST_ROUTES_MS = 500;
const RECONNECT_MS = 1_000;

/** Where this process's spans come from; telemetry's face, as far as it is needed. */
export interface SpanSource {
  readonly exports: boolean;
  shipTo(send: (batch: SpanBatch, signal: AbortSignal) => Promise<void>): AsyncDisposable;
}

export interface GatewayRun {
  log: Log;
  telemetry: SpanSource;
  signal: AbortSignal;
}

/** Serves until the signal aborts, then drains. */
export async function runGateway(environment: GatewayEnvironment, run: GatewayRun): Promise<void> {
  const { log, telemetry, signal } = run;
  const { home, nats, http, https, publicHttpsPort } = environment;
  const store = new RouteStore();
  const cachePath = join(home, "gateway-routes.json");
  await restoreRoutes(cachePath, store, log);
  await using _cache = cacheRoutes(cachePath, store, log);
  const opened = Promise.withResolvers<Gateway>();
  const untilIdle: UntilIdle = async (instanceId, limit) =>
    (await orAborted(opened.promise, limit)).untilIdle(instanceId, limit);
  const following = nats === undefined ? Promise.resolve() : followForEver(nats, store, untilIdle, run);
  if (nats !== undefined) await firstRoutes(store, signal);
  const shared = { home, routes: store, log, keepsAllSpans: telemetry.exports };
  const gateway = await openGateway({ ...shared, http, https, ...(publicHttpsPort && { publicHttpsPort }) });
  opened.resolve(gateway);
  log("info", "the gateway serves", { httpPort: gateway.httpPort, httpsPort: gateway.httpsPort, routes: store.origin });
  sayReady(environment.readyFd);
  await aborted(signal);
  log("info", "the gateway drains");
  await gateway.drain();
  await following;
}

async function followForEver(
  nats: NonNullable<GatewayEnvironment["nats"]>,
  store: RouteStore,
  untilIdle: UntilIdle,
  { log, telemetry, signal }: GatewayRun,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await using platform = await connectPlatform({ url: nats.url, credsFile: nats.credsFile, name: "gateway", signal });
      await using _shipping = telemetry.shipTo((batch, limit) => sendSpans(platform, batch, limit));
      await using _answers = answerWhetherInForce(platform, store, untilIdle);
      await followRoutes({ platform, store, log, signal });
    } catch (error) {
      if (signal.aborted) return;
      log("warn", "cannot follow the routes; tries again", errorFields(error));
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function firstRoutes(store: RouteStore, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _subscription = store.subscribe(() => store.origin === "live" && resolve());
  const enough = new AbortController();
  await Promise.race([
    promise,
    delay(FIRST_ROUTES_MS, undefined, { signal: AbortSignal.any([signal, enough.signal]) }).catch(() => undefined),
  ]);
  enough.abort();
}

function sayReady(fd: number | undefined): void {
  if (fd === undefined) return;
  writeSync(fd, "ready\n");
  closeSync(fd);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
