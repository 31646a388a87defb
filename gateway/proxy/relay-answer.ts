import type { IncomingMessage } from "node:http";
import { gatewayError } from "../errors.ts";
import { ClientGone, type ClientRequest, type ClientResponse, isHttp2, resetClient } from "./client-exchange.ts";
import { hopByHopTest } from "./hop-by-hop.ts";

export interface RelayOptions {
  requestId: string;
  /** HTTP/1.1: no further request on this connection. */
  closeConnection: boolean;
  /** A client that takes nothing for so long is reset. */
  stalledClientMs: number;
}

/** Writes a target's answer to the client: head, body as the client takes it, trailers. Resolves when the client has it all. */
export async function relayAnswer(
  answer: IncomingMessage,
  request: ClientRequest,
  response: ClientResponse,
  options: RelayOptions,
): Promise<void> {
  writeHead(answer, request, response, options);
  await relayBody(answer, response, options.stalledClientMs);
}

function writeHead(answer: IncomingMessage, request: ClientRequest, response: ClientResponse, options: RelayOptions): void {
  const isHopByHop = hopByHopTest(answer.headers.connection);
  const mayTrail =
    request.method !== "HEAD" && answer.headers["content-length"] === undefined && request.httpVersion !== "1.0";
  response.statusCode = answer.statusCode ?? 502;
  if (!isHttp2(response) && answer.statusMessage !== undefined) response.statusMessage = answer.statusMessage;
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] ?? "";
    const lowerCase = name.toLowerCase();
    if (isHopByHop(lowerCase) || (lowerCase === "trailer" && !mayTrail)) continue;
    response.appendHeader(name, answer.rawHeaders[index + 1] ?? "");
  }
  if (!response.hasHeader("x-request-id")) response.setHeader("x-request-id", options.requestId);
  if (options.closeConnection && !isHttp2(response)) response.setHeader("connection", "close");
}

function relayBody(answer: IncomingMessage, response: ClientResponse, stalledClientMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let stalled: NodeJS.Timeout | undefined;
  // pipe() pauses the answer while the client's buffers are full.
  answer.on("pause", () => {
    stalled ??= setTimeout(() => resetClient(response), stalledClientMs);
  });
  answer.on("resume", () => {
    clearTimeout(stalled);
    stalled = undefined;
  });
  answer.once("end", () => {
    if (Object.keys(answer.trailers).length > 0) response.addTrailers(answer.trailers);
  });
  answer.once("error", (cause) => {
    resetClient(response);
    reject(gatewayError("SLIPWAY_GATEWAY_TARGET_BROKE", "the service broke off in the middle of its answer", { cause }));
  });
  response.once("finish", resolve);
  response.once("close", () => {
    clearTimeout(stalled);
    reject(new ClientGone());
  });
  answer.pipe(response);
  return promise;
}
