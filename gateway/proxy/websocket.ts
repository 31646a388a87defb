import { randomUUID } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import type { GatewayContext } from "../context.ts";
import { errorFields } from "../log.ts";
import { ClientGone } from "./client-exchange.ts";
import { errorPage, isOurs } from "./error-page.ts";
import { findRoute } from "./find-route.ts";
import { acquire } from "./forward-request.ts";
import type { Handshake } from "./full-lane.ts";
import { refuseMisdirected } from "./misdirected.ts";
import { clientAddressOf, rewriteRequestHeaders } from "./request-headers.ts";
import { parseRequestTarget } from "./request-target.ts";
import { type RequestTrace, startRequestTrace } from "./trace-context.ts";

/** True for the one upgrade that is offered; a request for another (h2c) is answered as if it had not asked (RFC 9110, 7.8). */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket";
}

/** Takes a WebSocket from its handshake (RFC 6455, 4) to its end. Never throws. */
export async function handleUpgrade(
  context: GatewayContext,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const exchange = { request, socket, head, requestId: randomUUID(), trace: startRequestTrace(request) };
  socket.on("error", () => socket.destroy());
  try {
    await serve(context, exchange);
  } catch (error) {
    const known = toSlipwayError(error);
    context.traces.end(exchange.trace, { status: known.status, error: known });
    if (error instanceof ClientGone) return;
    if (isOurs(known))
      context.log("warn", "could not open a WebSocket", { ...errorFields(error), requestId: exchange.requestId });
    refuse(exchange, error);
  }
}

interface UpgradeExchange extends Handshake {
  readonly requestId: string;
  readonly trace: RequestTrace;
}

async function serve(context: GatewayContext, exchange: UpgradeExchange): Promise<void> {
  const { request, socket, requestId, trace } = exchange;
  const target = parseRequestTarget(request);
  refuseMisdirected(request, target.authority.host, context.certificateName);
  const route = findRoute(context.routes, target);
  request.url = target.url;
  rewriteRequestHeaders(
    request,
    {
      authority: target.authority,
      scheme: "https",
      clientAddress: clientAddressOf(request),
      requestId,
      trace: trace.headers,
    },
    true,
  );
  using lease = acquire(context, route, new Set());
  const answer = await context.lane.upgrade(exchange, lease, (error) => refuse(exchange, error)).answer;
  context.traces.end(trace, { status: answer.statusCode ?? 502, instanceId: lease.upstream.instanceId });
  await untilClosed(socket, lease.signal, context.ending);
}

/** Waits for the end of a WebSocket, and brings it about when a signal says so: by itself it might never end. */
async function untilClosed(socket: Duplex, ...ends: AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => void socket.destroy();
  for (const signal of ends) signal.addEventListener("abort", end);
  socket.once("close", resolve);
  if (socket.destroyed) resolve();
  else if (ends.some((signal) => signal.aborted)) end();
  await promise;
  for (const signal of ends) signal.removeEventListener("abort", end);
}

/** The socket has no response object: the page is written as HTTP/1.1, and the connection ends. */
function refuse({ request, socket, requestId }: UpgradeExchange, error: unknown): void {
  if (!socket.writable || error instanceof ClientGone) return;
  const page = errorPage(toSlipwayError(error), request.headers.accept, requestId);
  const fields = Object.entries({ ...page.headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${page.status} ${STATUS_CODES[page.status] ?? ""}\r\n${fields.join("")}\r\n${page.body}`);
}
