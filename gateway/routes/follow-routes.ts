import { setTimeout as delay } from "node:timers/promises";
import { BUCKETS } from "#contracts/buckets.ts";
import type { RouteEntry } from "#contracts/route.ts";
import type { Bucket, Platform } from "#messaging/platform.ts";
import { errorFields, type Log } from "../log.ts";
import { RouteLedger } from "./route-ledger.ts";
import type { RouteStore } from "./route-store.ts";
import { RouteTable } from "./route-table.ts";

/** What following needs of the platform. */
export type RoutePlatform = Pick<Platform, "bucket" | "status">;

export interface FollowOptions {
  platform: RoutePlatform;
  store: RouteStore;
  log: Log;
  signal: AbortSignal;
  /** How often the whole bucket is read again: a watch is a hint. */
  resyncIntervalMs?: number;
}

/**
 * Keeps the store equal to the `routes` bucket until the signal aborts. The store keeps what it has until the bucket's whole content
 * is known, so that cached routes are not replaced by half of the new ones.
 */
export async function followRoutes(options: FollowOptions): Promise<void> {
  const bucket = await options.platform.bucket(BUCKETS.routes);
  const ledger = new RouteLedger();
  await Promise.all([
    watchForEver(bucket, ledger, options),
    resyncAtIntervals(bucket, ledger, options),
    resyncAfterReconnects(bucket, ledger, options),
  ]);
}

async function watchForEver(bucket: Bucket<RouteEntry>, ledger: RouteLedger, options: FollowOptions): Promise<void> {
  const { store, signal } = options;
  await untilAborted(options, "watch the routes", async () => {
    let complete = store.origin === "live";
    for await (const change of bucket.watch({ signal })) {
      const isCurrent = change.type === "current";
      complete ||= isCurrent;
      if (isCurrent) ledger.reach(change.revision);
      if ((isCurrent || ledger.apply(change)) && complete) publish(ledger, store);
    }
    if (!signal.aborted) await delay(RETRY_MS, undefined, { signal });
  });
}

async function resyncAtIntervals(bucket: Bucket<RouteEntry>, ledger: RouteLedger, options: FollowOptions): Promise<void> {
  await untilAborted(options, "list the routes", async () => {
    await delay(options.resyncIntervalMs ?? 30_000, undefined, { signal: options.signal });
    await resync(bucket, ledger, options.store);
  });
}

async function resyncAfterReconnects(
  bucket: Bucket<RouteEntry>,
  ledger: RouteLedger,
  options: FollowOptions,
): Promise<void> {
  await untilAborted(options, "list the routes after a reconnect", async () => {
    for await (const status of options.platform.status(options.signal)) {
      if (status.type === "reconnected") await resync(bucket, ledger, options.store);
    }
    if (!options.signal.aborted) await delay(RETRY_MS, undefined, { signal: options.signal });
  });
}

async function resync(bucket: Bucket<RouteEntry>, ledger: RouteLedger, store: RouteStore): Promise<void> {
  const askedAt = ledger.newestRevision;
  const changed = ledger.reconcile(await bucket.entries(), askedAt);
  if (changed || store.origin !== "live") publish(ledger, store);
}

function publish(ledger: RouteLedger, store: RouteStore): void {
  store.replace(new RouteTable(ledger.entries()), "live", ledger.newestRevision);
}

const RETRY_MS = 1_000;

/** Repeats an action until the signal aborts; a failure is logged, and the next try waits. */
async function untilAborted({ signal, log }: FollowOptions, what: string, action: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      await action();
    } catch (error) {
      if (signal.aborted) return;
      log("warn", `could not ${what}; tries again`, errorFields(error));
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
