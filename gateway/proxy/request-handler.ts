import { randomUUID } from "node:crypto";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import type { GatewayContext } from "../context.ts";
import { errorFields } from "../log.ts";
import {
  ClientGone,
  type ClientRequest,
  type ClientResponse,
  type Exchange,
  cutUploadWithStream,
} from "./client-exchange.ts";
import { answerError, isOurs } from "./error-page.ts";
import { findRoute } from "./find-route.ts";
import { forwardRequest } from "./forward-request.ts";
import { watchUpload } from "./idle-upload.ts";
import { refuseMisdirected } from "./misdirected.ts";
import { clientAddressOf, rewriteRequestHeaders } from "./request-headers.ts";
import { parseRequestTarget } from "./request-target.ts";
import { startRequestTrace } from "./trace-context.ts";

/** Takes one HTTPS request from its head to the end of its response. Never throws. */
export async function handleRequest(
  context: GatewayContext,
  request: ClientRequest,
  response: ClientResponse,
  awaitsContinue = false,
): Promise<void> {
  const exchange: Exchange = {
    request,
    response,
    requestId: randomUUID(),
    trace: startRequestTrace(request),
    awaitsContinue,
    answeredBy: undefined,
    closeConnection: /\bclose\b/i.test(request.headers.connection ?? ""),
  };
  try {
    await serve(context, exchange);
    context.traces.end(exchange.trace, { status: response.statusCode, instanceId: exchange.answeredBy });
  } catch (error) {
    context.traces.end(exchange.trace, { status: report(context, exchange, error), error: error as Error });
  }
}

async function serve(context: GatewayContext, exchange: Exchange): Promise<void> {
  const { request, response, requestId, trace } = exchange;
  cutUploadWithStream(request, response);
  watchUpload(request, context.settings.bodyIdleTimeoutMs, (error) => {
    answerError(request, response, error, requestId, true);
  });
  const target = parseRequestTarget(request);
  refuseMisdirected(request, target.authority.host, context.certificateName);
  const route = findRoute(context.routes, target);
  trace.span.setAttributes({
    "server.address": route.host,
    "http.route": route.path,
    "slipway.project": route.project,
    "slipway.service": route.service,
  });
  request.url = target.url;
  rewriteRequestHeaders(request, {
    authority: target.authority,
    scheme: "https",
    clientAddress: clientAddressOf(request),
    requestId,
    trace: trace.headers,
  });
  await forwardRequest(context, route, exchange);
}

/** Answers with the error, logs what is not the client's own doing, and returns the status for the trace. */
function report(context: GatewayContext, exchange: Exchange, error: unknown): number {
  // 499, as nginx has it: the client closed the request.
  if (error instanceof ClientGone) return 499;
  const { request, response, requestId, awaitsContinue } = exchange;
  const known = toSlipwayError(error);
  if (isOurs(known)) {
    const fields = { ...errorFields(error), requestId, host: request.headers.host, path: request.url };
    context.log("warn", "could not answer a request", fields);
  }
  answerError(request, response, known, requestId, awaitsContinue || known.status === 400);
  return known.status;
}
