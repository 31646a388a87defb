import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { RequestTrace } from "./trace-context.ts";

/** What node's servers hand over, for HTTP/1.1 and HTTP/2 alike. */
export type ClientRequest = IncomingMessage | Http2ServerRequest;
export type ClientResponse = ServerResponse | Http2ServerResponse;

/** One request and its response, from head to end. */
export interface Exchange {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly requestId: string;
  readonly trace: RequestTrace;
  /** The instance whose answer is relayed. */
  answeredBy: string | undefined;
  /** The client holds its body back until it is told to go on (RFC 9110, 10.1.1). */
  awaitsContinue: boolean;
  /** HTTP/1.1: the client wants no further request on this connection. */
  closeConnection: boolean;
}

/** True for HTTP/2. */
export function isHttp2(response: ClientResponse): response is Http2ServerResponse {
  return "stream" in response;
}

/** True when the request's framing announces a body (RFC 9112, 6.3; RFC 9113, 8.1). */
export function hasBody(request: ClientRequest): boolean {
  if ("stream" in request) return !request.stream.endAfterHeaders;
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/**
 * Takes the body of an HTTP/2 request that is cut off away from its target: node ends it as if it were whole. A stream also ends with its
 * response though its request goes on (RFC 9113, 8.1), since the rest would come to nobody; HTTP/1.1 has to read on to the next request.
 */
export function cutUploadWithStream(request: ClientRequest, response: ClientResponse): void {
  if (!isHttp2(response)) return;
  // The response's own "finish" comes only with the end of the stream.
  const { stream } = response;
  request.once("aborted", () => request.unpipe());
  stream.once("finish", () => {
    if (request.complete) return;
    request.unpipe();
    // A stream closes only when it has been read.
    request.resume();
    stream.close(NGHTTP2_NO_ERROR);
  });
}

/** Ends an exchange whose response cannot be completed, so that the client does not take a part for the whole. */
export function resetClient(response: ClientResponse): void {
  if (isHttp2(response)) response.stream?.close(NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

/** RFC 9113, 7. */
const NGHTTP2_NO_ERROR = 0;
const NGHTTP2_INTERNAL_ERROR = 2;

/** The client went away before its response was complete: there is nobody to answer, and nothing to report. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}
