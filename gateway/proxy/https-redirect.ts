import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import type { RouteStore } from "../routes/route-store.ts";
import { answerError } from "./error-page.ts";
import { findRoute } from "./find-route.ts";
import { parseRequestTarget } from "./request-target.ts";

/** Answers everything on the HTTP port: 308 to the same address over HTTPS for what has a route, an error page for the rest. */
export function redirectToHttps(
  routes: RouteStore,
  httpsPort: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  try {
    const target = parseRequestTarget(request);
    findRoute(routes, target);
    const port = httpsPort === 443 ? "" : `:${httpsPort}`;
    response.writeHead(308, { location: `https://${target.authority.host}${port}${target.url}`, "content-length": "0" });
    response.end();
  } catch (error) {
    answerError(request, response, toSlipwayError(error), randomUUID());
  }
}
