import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RouteEntry } from "#contracts/route.ts";
import type { Log } from "../log.ts";
import { RouteFeed } from "../testing/route-feed.ts";
import { followRoutes } from "./follow-routes.ts";
import { cacheRoutes, restoreRoutes } from "./route-cache.ts";
import { RouteStore } from "./route-store.ts";
import { RouteTable } from "./route-table.ts";

const route = (host: string, service = "web"): RouteEntry => ({ host, path: "/", project: "p", service, targets: [] });
const log = vi.fn<Log>();
let stop: AbortController;
let following: Promise<void>;
let folder: string;

beforeEach(async () => {
  stop = new AbortController();
  following = Promise.resolve();
  folder = await mkdtemp(join(tmpdir(), "slipway-routes-"));
});

afterEach(async () => {
  stop.abort();
  await following;
  await rm(folder, { recursive: true });
});

function follow(feed: RouteFeed, store: RouteStore, resyncIntervalMs = 60_000): void {
  following = followRoutes({ platform: feed.platform(), store, log, signal: stop.signal, resyncIntervalMs });
}

const hosts = (store: RouteStore): string[] => store.table.routes.map((one) => one.host);

test("the store has the bucket's routes, then each change", async () => {
  const feed = new RouteFeed();
  const store = new RouteStore();
  feed.put(route("a.test"));
  follow(feed, store);
  await vi.waitFor(() => expect(hosts(store)).toEqual(["a.test"]));
  feed.put(route("b.test"));
  await vi.waitFor(() => expect(hosts(store)).toEqual(["a.test", "b.test"]));
  feed.delete("a.test", "/");
  await vi.waitFor(() => expect(hosts(store)).toEqual(["b.test"]));
});

test("cached routes stay until all of the bucket is known, and then those that are gone go", async () => {
  const feed = new RouteFeed();
  const store = new RouteStore();
  store.replace(new RouteTable([route("cached.test")]), "cached");
  const seen: string[][] = [];
  using _subscription = store.subscribe((table) => seen.push(table.routes.map((one) => one.host)));
  feed.put(route("a.test"));
  feed.put(route("b.test"));
  follow(feed, store);
  await vi.waitFor(() => expect(store.origin).toBe("live"));
  expect(seen).toEqual([["cached.test"], ["a.test", "b.test"]]);
});

test("a change that the watch lost is found at the next resync", async () => {
  const feed = new RouteFeed();
  const store = new RouteStore();
  feed.put(route("a.test"));
  follow(feed, store, 20);
  await vi.waitFor(() => expect(hosts(store)).toEqual(["a.test"]));
  feed.delete("a.test", "/", false);
  feed.put(route("b.test"), false);
  await vi.waitFor(() => expect(hosts(store)).toEqual(["b.test"]));
});

test("a reconnect is followed by a resync at once", async () => {
  const feed = new RouteFeed();
  const store = new RouteStore();
  follow(feed, store);
  await vi.waitFor(() => expect(store.origin).toBe("live"));
  feed.put(route("a.test"), false);
  feed.reconnect();
  await vi.waitFor(() => expect(hosts(store)).toEqual(["a.test"]));
});

test("a watch that fails is begun again", { timeout: 10_000 }, async () => {
  const feed = new RouteFeed();
  const store = new RouteStore();
  follow(feed, store);
  await vi.waitFor(() => expect(store.origin).toBe("live"));
  feed.failWatches();
  await vi.waitFor(() => expect(feed.watches).toBe(2), { timeout: 5_000 });
  feed.put(route("a.test"));
  await vi.waitFor(() => expect(hosts(store)).toEqual(["a.test"]));
});

test("live routes are cached on disk, the newest last, and restored", async () => {
  const path = join(folder, "gateway-routes.json");
  const store = new RouteStore();
  {
    await using _cache = cacheRoutes(path, store, log);
    for (let index = 0; index < 20; index += 1) store.replace(new RouteTable([route("a.test", `v${index}`)]), "live");
  }
  const restored = new RouteStore();
  await restoreRoutes(path, restored, log);
  expect(restored.origin).toBe("cached");
  expect(restored.table.match("a.test", "/")?.service).toBe("v19");
});

test("a damaged cache is passed over, and said", async () => {
  const path = join(folder, "gateway-routes.json");
  await writeFile(path, '[{"host":"a.test"}]');
  const store = new RouteStore();
  const said = vi.fn<Log>();
  await restoreRoutes(path, store, said);
  expect(store.origin).toBe("none");
  expect(said).toHaveBeenCalledOnce();
});

test("cached routes are not written back as if they were live", async () => {
  const path = join(folder, "gateway-routes.json");
  const store = new RouteStore();
  {
    await using _cache = cacheRoutes(path, store, log);
    store.replace(new RouteTable([route("a.test")]), "cached");
  }
  await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
});
