import { routeKey } from "#contracts/buckets.ts";
import type { RouteEntry, RouteTarget } from "#contracts/route.ts";
import { isHostPattern, normalizeHost, wildcardOf } from "./authority.ts";

export interface Route {
  /** Its key in the bucket: host and path. */
  readonly key: string;
  /** A DNS name, or `*.` and a name for exactly one label more. */
  readonly host: string;
  /** Without a trailing slash, `/` alone excepted. */
  readonly path: string;
  readonly project: string;
  readonly service: string;
  readonly targets: readonly RouteTarget[];
}

/** An immutable snapshot of all routes: a change makes a new table. A route whose host is none is left out. */
export class RouteTable {
  static readonly empty = new RouteTable([]);
  readonly routes: readonly Route[];
  readonly #byHost = new Map<string, Route[]>();

  constructor(entries: Iterable<RouteEntry>) {
    const routes = new Map<string, Route>();
    for (const entry of entries) {
      const route = toRoute(entry);
      if (isHostPattern(route.host)) routes.set(route.key, route);
    }
    this.routes = [...routes.values()];
    for (const route of this.routes) {
      const sameHost = this.#byHost.get(route.host);
      if (sameHost === undefined) this.#byHost.set(route.host, [route]);
      else sameHost.push(route);
    }
    for (const sameHost of this.#byHost.values()) sameHost.sort((a, b) => b.path.length - a.path.length);
  }

  /** The exact host's longest path that is a prefix of whole segments; then the wildcard's. `path` is without its query. */
  match(host: string, path: string): Route | undefined {
    return this.#longest(host, path) ?? this.#longest(wildcardOf(host), path);
  }

  /** The host of the routes that a name falls under, `*.example.org` for a wildcard; undefined when it has no route. */
  hostPattern(name: string): string | undefined {
    if (this.#byHost.has(name)) return name;
    const wildcard = wildcardOf(name);
    return wildcard !== undefined && this.#byHost.has(wildcard) ? wildcard : undefined;
  }

  #longest(host: string | undefined, path: string): Route | undefined {
    return host === undefined ? undefined : this.#byHost.get(host)?.find((route) => covers(route.path, path));
  }
}

function covers(prefix: string, path: string): boolean {
  if (prefix === "/") return true;
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
}

function toRoute(entry: RouteEntry): Route {
  const host = normalizeHost(entry.host);
  const path = entry.path.replace(/\/+$/, "") || "/";
  const { project, service, targets } = entry;
  return { key: routeKey(host, path), host, path, project, service, targets };
}
