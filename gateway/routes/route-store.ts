import { RouteTable } from "./route-table.ts";

/** none: nothing is known yet. cached: what an earlier gateway last knew. live: what the bucket says. */
export type RouteOrigin = "none" | "cached" | "live";

/** The one place that holds the current table; requests read it, the follower replaces it. */
export class RouteStore {
  #table = RouteTable.empty;
  #origin: RouteOrigin = "none";
  #revision = 0;
  readonly #listeners = new Set<(table: RouteTable) => void>();

  get table(): RouteTable {
    return this.#table;
  }

  get origin(): RouteOrigin {
    return this.#origin;
  }

  /** The newest revision of the bucket that the table has; 0 for one that was not read from it. */
  get revision(): number {
    return this.#revision;
  }

  replace(table: RouteTable, origin: Exclude<RouteOrigin, "none">, revision = 0): void {
    this.#table = table;
    this.#origin = origin;
    this.#revision = Math.max(this.#revision, revision);
    for (const listener of this.#listeners) listener(table);
  }

  /** Calls back with the current table now, and with each later one until disposed. */
  subscribe(listener: (table: RouteTable) => void): Disposable {
    this.#listeners.add(listener);
    listener(this.#table);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
