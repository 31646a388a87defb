import { createServer, type Server } from "node:http";
import { redirectToHttps } from "../proxy/https-redirect.ts";
import type { RouteStore } from "../routes/route-store.ts";
import type { GatewaySettings } from "../settings.ts";

/** The plain HTTP port: sends everybody to HTTPS, and reads no more of a request than that takes. */
export function createHttpServer(routes: RouteStore, httpsPort: number, settings: GatewaySettings): Server {
  return createServer(
    {
      maxHeaderSize: settings.maxHeaderBytes,
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.headersTimeoutMs,
      connectionsCheckingInterval: Math.ceil(settings.headersTimeoutMs / 4),
      keepAliveTimeout: settings.keepAliveTimeoutMs,
    },
    (request, response) => redirectToHttps(routes, httpsPort, request, response),
  );
}
