import { randomUUID } from "node:crypto";
import { type SlipwayError, toSlipwayError } from "#contracts/slipway-error.ts";
import type { GatewayContext } from "../context.ts";
import { errorFields } from "../log.ts";
import { ClientGone, type ClientRequest, type ClientResponse } from "./client-exchange.ts";
import { answerError } from "./error-page.ts";
import { findRoute } from "./find-route.ts";
import { forwardRequest } from "./forward-request.ts";
import { watchUpload } from "./idle-upload.ts";
import { refuseMisdirected } from "./misdirected.ts";
import { clientAddressOf, rewriteRequestHeaders } from "./request-headers.ts";
import { parseRequestTarget } from "./request-target.ts";
import { endRequestTrace, type RequestTrace, startRequestTrace } from "./trace-context.ts";

/** Takes one HTTPS request from its head to the end of its response. Never throws. */
export async function handleRequest(
  context: GatewayContext,
  request: ClientRequest,
  response: ClientResponse,
  expectsContinue = false,
): Promise<void> {
  const requestId = randomUUID();
  const trace = startRequestTrace(request);
  try {
    await serve(context, { request, response, requestId, trace, expectsContinue });
    endRequestTrace(trace, response.statusCode);
  } catch (error) {
    endRequestTrace(trace, report(context, request, response, requestId, error), error as Error);
  }
}

interface Exchange {
  request: ClientRequest;
  response: ClientResponse;
  requestId: string;
  trace: RequestTrace;
  expectsContinue: boolean;
}

async function serve(context: GatewayContext, exchange: Exchange): Promise<void> {
  const { request, response, requestId, trace } = exchange;
  const target = parseRequestTarget(request);
  refuseMisdirected(request, target.authority.host, context.certificateName);
  const route = findRoute(context.routes, target);
  trace.span.setAttributes({ "server.address": route.host, "http.route": route.path, "slipway.service": route.service });
  request.url = target.url;
  watchUpload(request, context.settings.bodyIdleTimeoutMs, (error) => {
    answerError(request, response, toSlipwayError(error), requestId);
  });
  const wantsClose = /\bclose\b/i.test(request.headers.connection ?? "");
  rewriteRequestHeaders(request, {
    authority: target.authority,
    scheme: "https",
    clientAddress: clientAddressOf(request),
    requestId,
    trace: trace.headers,
  });
  await forwardRequest(context, route, { ...exchange, wantsClose });
}

/** Answers with the error, logs what is not the client's own doing, and returns the status for the trace. */
function report(
  context: GatewayContext,
  request: ClientRequest,
  response: ClientResponse,
  requestId: string,
  error: unknown,
): number {
  // 499, as nginx has it: the client closed the request.
  if (error instanceof ClientGone) return 499;
  const known: SlipwayError = toSlipwayError(error);
  if (known.status >= 500) {
    const fields = { ...errorFields(error), requestId, host: request.headers.host, path: request.url };
    context.log("warn", "could not answer a request", fields);
  }
  answerError(request, response, known, requestId);
  return known.status;
}
