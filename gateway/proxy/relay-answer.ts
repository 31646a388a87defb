import type { IncomingMessage } from "node:http";
import { gatewayError } from "../errors.ts";
import { ClientGone, type ClientResponse, type Exchange, isHttp2, resetClient } from "./client-exchange.ts";
import { hopByHopTest } from "./hop-by-hop.ts";

/**
 * Writes a target's answer to the client: head, body as fast as the client takes it, trailers. Resolves when the response has
 * ended; a client that takes nothing for `stalledMs` is reset.
 */
export async function relayAnswer(answer: IncomingMessage, exchange: Exchange, stalledMs: number): Promise<void> {
  writeHead(answer, exchange);
  await relayBody(answer, exchange.response, stalledMs);
}

function writeHead(answer: IncomingMessage, { request, response, requestId, closeConnection }: Exchange): void {
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
  if (!response.hasHeader("x-request-id")) response.setHeader("x-request-id", requestId);
  if (closeConnection && !isHttp2(response)) response.setHeader("connection", "close");
}

function relayBody(answer: IncomingMessage, response: ClientResponse, stalledMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let stalled: NodeJS.Timeout | undefined;
  // pipe() pauses the answer while the client's buffers are full.
  answer.on("pause", () => {
    stalled ??= setTimeout(() => resetClient(response), stalledMs);
  });
  answer.on("resume", () => {
    clearTimeout(stalled);
    stalled = undefined;
  });
  answer.once("end", () => {
    if (Object.keys(answer.trailers).length > 0) response.addTrailers(answer.trailers);
  });
  answer.once("error", (cause) => {
    reject(gatewayError("SLIPWAY_GATEWAY_TARGET_BROKE", "the service broke off in the middle of its answer", { cause }));
  });
  // Not "finish": an HTTP/2 stream that its client has reset counts as finished.
  response.once("close", () => {
    clearTimeout(stalled);
    if (answer.readableEnded) return resolve();
    answer.destroy();
    reject(new ClientGone());
  });
  answer.pipe(response);
  return promise;
}
