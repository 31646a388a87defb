import { STATUS_CODES } from "node:http";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { type ClientRequest, type ClientResponse, isHttp2, resetClient } from "./client-exchange.ts";

export interface ErrorPage {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What a client is told: HTML for a browser, RFC 9457 problem details for the rest. Names nothing that the client has not named. */
export function errorPage(error: SlipwayError, accept: string | undefined, requestId: string): ErrorPage {
  const html = accept?.includes("text/html") === true;
  const body = html ? htmlPage(error, requestId) : `${JSON.stringify({ ...error.toProblem(), requestId })}\n`;
  return {
    status: error.status,
    headers: {
      "content-type": html ? "text/html; charset=utf-8" : "application/problem+json",
      "content-length": String(Buffer.byteLength(body)),
      "cache-control": "no-store",
      "x-request-id": requestId,
      "x-content-type-options": "nosniff",
      ...(html ? { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'" } : {}),
      ...(error.status === 503 ? { "retry-after": "1" } : {}),
    },
    body,
  };
}

/** True for errors that say something of us or a target. A service without an instance is the controller's to tell, not each request's. */
export function isOurs(error: SlipwayError): boolean {
  return error.status >= 500 && error.status !== 501 && error.status !== 503;
}

/**
 * Answers a request with an error; a response that has already begun is reset instead. `closeConnection` ends an HTTP/1.1
 * connection on which the next bytes may be a body or a request, and nobody can tell.
 */
export function answerError(
  request: ClientRequest,
  response: ClientResponse,
  error: SlipwayError,
  requestId: string,
  closeConnection = false,
): void {
  if (response.headersSent || response.destroyed) return resetClient(response);
  const page = errorPage(error, request.headers.accept, requestId);
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  for (const [name, value] of Object.entries(page.headers)) response.setHeader(name, value);
  if (closeConnection && !isHttp2(response)) response.setHeader("connection", "close");
  response.statusCode = page.status;
  if (!isHttp2(response)) response.statusMessage = STATUS_CODES[page.status] ?? "";
  response.end(page.body);
}

function htmlPage(error: SlipwayError, requestId: string): string {
  const title = `${error.status} ${STATUS_CODES[error.status] ?? ""}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:15vh auto;padding:0 1em;color:#222}
h1{font-size:1.6em}p.code{color:#666;font:13px ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}p.code{color:#999}}</style></head>
<body><h1>${title}</h1><p>${escapeHtml(error.message)}</p><p>${escapeHtml(error.remedy)}</p>
<p class="code">${error.code}<br>request ${requestId}</p></body></html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
