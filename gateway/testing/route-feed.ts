import { EventEmitter, on } from "node:events";
import { routeKey } from "#contracts/buckets.ts";
import type { RouteEntry } from "#contracts/route.ts";
import { type BucketChange, type BucketEntry, type Platform } from "#messaging/platform.ts";
import type { RoutePlatform } from "../routes/follow-routes.ts";

type Status = { type: "connected" | "disconnected" | "reconnected" };

/** A routes bucket in memory whose watch can lose changes and fail, which a real server does not do on demand. */
export class RouteFeed {
  readonly #events = new EventEmitter();
  readonly #entries = new Map<string, BucketEntry<RouteEntry>>();
  #revision = 0;
  listings = 0;
  /** Resolves when that many watches have begun. */
  watches = 0;

  put(value: RouteEntry, announce = true): void {
    const key = routeKey(value.host, value.path);
    const entry = { key, value, revision: ++this.#revision };
    this.#entries.set(key, entry);
    if (announce) this.#events.emit("change", { type: "put", ...entry });
  }

  delete(host: string, path: string, announce = true): void {
    const key = routeKey(host, path);
    this.#entries.delete(key);
    const revision = ++this.#revision;
    if (announce) this.#events.emit("change", { type: "delete", key, revision });
  }

  failWatches(): void {
    this.#events.emit("error", new Error("the watch was lost"));
  }

  reconnect(): void {
    this.#events.emit("status", { type: "reconnected" } satisfies Status);
  }

  platform(): RoutePlatform {
    const bucket = {
      entries: async () => {
        this.listings += 1;
        return [...this.#entries.values()];
      },
      watch: ({ signal }: { signal: AbortSignal }) => this.#watch(signal),
    };
    return { bucket: async () => bucket, status: (signal: AbortSignal) => this.#status(signal) } as unknown as Platform;
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<BucketChange<RouteEntry>> {
    this.watches += 1;
    const changes = on(this.#events, "change", { signal });
    for (const entry of this.#entries.values()) yield { type: "put", ...entry };
    yield { type: "current", revision: this.#revision };
    for await (const [change] of changes) yield change as BucketChange<RouteEntry>;
  }

  async *#status(signal: AbortSignal): AsyncGenerator<Status> {
    const events = new EventEmitter();
    const forward = (status: Status): boolean => events.emit("status", status);
    this.#events.on("status", forward);
    try {
      for await (const [status] of on(events, "status", { signal })) yield status as Status;
    } finally {
      this.#events.off("status", forward);
    }
  }
}
