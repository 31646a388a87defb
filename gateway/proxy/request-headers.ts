import { isIPv6 } from "node:net";
import type { Authority } from "../routes/authority.ts";
import { type ClientRequest, hasBody } from "./client-exchange.ts";
import { hopByHopTest } from "./hop-by-hop.ts";

/** What the gateway knows of a request and tells its target. */
export interface ForwardedFacts {
  authority: Authority;
  scheme: "https" | "http";
  clientAddress: string;
  requestId: string;
  /** traceparent and tracestate. */
  trace: Record<string, string>;
}

/** Fields that only we may set, and `Proxy`, which CGI programs take for the variable HTTP_PROXY. */
const OURS = new Set(["forwarded", "x-real-ip", "x-request-id", "traceparent", "tracestate", "expect", "proxy", "trailer"]);

/**
 * Makes a request's headers those for its target, in place: hop-by-hop fields and the client's own forwarding fields go, ours
 * come. `upgrade` keeps what a WebSocket handshake needs.
 */
export function rewriteRequestHeaders(request: ClientRequest, facts: ForwardedFacts, upgrade = false): void {
  const headers = request.headers as Record<string, string | string[] | undefined>;
  const unframed = hasBody(request) && headers["content-length"] === undefined;
  const isHopByHop = hopByHopTest(request.headers.connection);
  for (const name of Object.keys(headers)) if (isHopByHop(name) || isOurs(name)) delete headers[name];
  Object.assign(headers, forwardedHeaders(facts, request.httpVersion, headers["via"]));
  // Node's HTTP/2 request reads its method and url from here, and http-proxy the host; it takes the pseudo-fields away itself.
  if (headers[":authority"] !== undefined) headers[":authority"] = headers["host"];
  // Node frames a body of GET, DELETE or OPTIONS only when told to; unframed, it would be the target's next request.
  if (unframed && !upgrade) headers["transfer-encoding"] = "chunked";
  if (upgrade) Object.assign(headers, { connection: "Upgrade", upgrade: "websocket" });
}

/** `X_Forwarded_For` is the same variable as `X-Forwarded-For` to a CGI or WSGI program. */
function isOurs(name: string): boolean {
  const canonical = name.includes("_") ? name.replaceAll("_", "-") : name;
  return OURS.has(canonical) || canonical.startsWith("x-forwarded-");
}

function forwardedHeaders(
  facts: ForwardedFacts,
  version: string,
  via: string | string[] | undefined,
): Record<string, string> {
  const { authority, scheme, clientAddress, requestId, trace } = facts;
  const host = authority.port === undefined ? authority.host : `${authority.host}:${authority.port}`;
  const node = isIPv6(clientAddress) ? `"[${clientAddress}]"` : clientAddress;
  return {
    host,
    // RFC 7239, 4: values with a colon are quoted.
    forwarded: `for=${node};host="${host}";proto=${scheme}`,
    "x-forwarded-for": clientAddress,
    "x-forwarded-proto": scheme,
    "x-forwarded-host": host,
    "x-forwarded-port": String(authority.port ?? (scheme === "https" ? 443 : 80)),
    "x-real-ip": clientAddress,
    "x-request-id": requestId,
    // RFC 9110, 7.6.3: what a gateway must add to requests.
    via: `${via === undefined ? "" : `${String(via)}, `}${version.replace(/\.0$/, "")} slipway`,
    ...trace,
  };
}

/** The peer's address as text; an IPv4 one that came over an IPv6 socket as IPv4. */
export function clientAddressOf(request: ClientRequest): string {
  return (request.socket.remoteAddress ?? "0.0.0.0").replace(/^::ffff:(?=\d+\.)/, "");
}
