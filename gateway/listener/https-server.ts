import type { ServerOptions } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { CertificatePair } from "../certificates/certificate-pair.ts";
import type { ServerNames } from "../certificates/server-names.ts";
import type { GatewayContext } from "../context.ts";
import { closeIdleSessions } from "./http2-sessions.ts";
import { handleRequest } from "../proxy/request-handler.ts";
import { handleUpgrade, isWebSocketUpgrade } from "../proxy/websocket.ts";
import type { GatewaySettings } from "../settings.ts";

/** The limits of HTTP/1.1 connections. */
function http1Options(settings: GatewaySettings): ServerOptions {
  return {
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headersTimeoutMs,
    connectionsCheckingInterval: Math.ceil(settings.headersTimeoutMs / 4),
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    // The whole request may take as long as it takes; `idle-upload.ts` ends those that stand still.
    requestTimeout: 0,
  };
}

/**
 * TLS 1.2 and 1.3 with HTTP/2 or HTTP/1.1 by ALPN (RFC 7301). Parsing is node's, strict; a byte-level lane would stand between the
 * TLS connection and this server, and hand over what it does not take.
 */
export function createHttpsServer(
  context: GatewayContext,
  names: ServerNames,
  fallback: CertificatePair,
): Http2SecureServer {
  const { settings } = context;
  const server = createSecureServer({
    cert: fallback.chainPem,
    key: fallback.keyPem,
    SNICallback: (serverName, done) => void names.select(serverName, done),
    minVersion: "TLSv1.2",
    handshakeTimeout: settings.handshakeTimeoutMs,
    noDelay: true,
    // Finds clients that have vanished: an event stream may be silent for long.
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    allowHTTP1: true,
    ALPNProtocols: ["h2", "http/1.1"],
    settings: { maxConcurrentStreams: settings.maxConcurrentStreams, maxHeaderListSize: settings.maxHeaderBytes },
    http1Options: http1Options(settings),
  });
  closeIdleSessions(server, settings.keepAliveTimeoutMs);
  // Without it, node takes any Upgrade field for a reason to stop parsing once there is an "upgrade" listener.
  Object.assign(server, { shouldUpgradeCallback: isWebSocketUpgrade });
  server.on("request", (request, response) => void handleRequest(context, request, response));
  server.on("checkContinue", (request, response) => void handleRequest(context, request, response, true));
  server.on("upgrade", (request, socket, head) => void handleUpgrade(context, request, socket, head));
  return server;
}
