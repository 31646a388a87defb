import { gatewayError } from "../errors.ts";
import type { RouteStore } from "../routes/route-store.ts";
import type { Route } from "../routes/route-table.ts";
import type { RequestTarget } from "./request-target.ts";

/** The route of a request; throws SLIPWAY_GATEWAY_NO_ROUTE, or SLIPWAY_GATEWAY_STARTING while no routes are known. */
export function findRoute(store: RouteStore, { authority, path }: RequestTarget): Route {
  const route = store.table.match(authority.host, path);
  if (route !== undefined) return route;
  if (store.origin === "none") {
    throw gatewayError("SLIPWAY_GATEWAY_STARTING", "the gateway does not know its routes yet");
  }
  const known = store.table.hostPattern(authority.host) !== undefined;
  throw gatewayError(
    "SLIPWAY_GATEWAY_NO_ROUTE",
    known ? `no route of ${authority.host} matches the path ${path}` : `no route matches the host ${authority.host}`,
  );
}
