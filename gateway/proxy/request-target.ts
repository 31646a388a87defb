import { gatewayError } from "../errors.ts";
import { type Authority, parseAuthority } from "../routes/authority.ts";
import type { ClientRequest } from "./client-exchange.ts";

export interface RequestTarget {
  authority: Authority;
  /** Origin form: path and query, as the client wrote them. */
  url: string;
  /** The url without its query. */
  path: string;
}

/** Visible characters and what browsers leave unescaped; never a fragment (RFC 9112, 3.2). */
const URL_CHARACTERS = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/;

/** Reads what a request asks for, in each form of RFC 9112, 3.2; refuses what two readers could understand in two ways. */
export function parseRequestTarget(request: ClientRequest): RequestTarget {
  refuseMethod(request.method ?? "");
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url ?? "");
  const authorityText = absolute?.[1] ?? authorityOf(request);
  const url = absolute === null ? (request.url ?? "") : originForm(absolute[2] ?? "");
  const authority = parseAuthority(authorityText);
  if (authority === undefined) throw badRequest(`the host ${JSON.stringify(authorityText)} is not a host`);
  if (!URL_CHARACTERS.test(url)) throw badRequest(`the request target ${JSON.stringify(url)} is not a path`);
  const query = url.indexOf("?");
  return { authority, url, path: query < 0 ? url : url.slice(0, query) };
}

function originForm(rest: string): string {
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** CONNECT would make a tunnel of us; TRACE shows a page the headers that scripts must not see. */
function refuseMethod(method: string): void {
  if (method !== "CONNECT" && method !== "TRACE") return;
  throw gatewayError("SLIPWAY_GATEWAY_METHOD_REFUSED", `the method ${method} is not offered`);
}

function authorityOf(request: ClientRequest): string {
  const hosts = hostHeaders(request);
  if (hosts.length > 1) throw badRequest(`the request has ${hosts.length} Host fields`);
  const [host] = hosts;
  if (!("stream" in request)) return host ?? "";
  const authority = request.headers[":authority"];
  // RFC 9113, 8.3.1: one that differs from :authority makes the request malformed.
  if (authority !== undefined && host !== undefined && host !== authority) {
    throw badRequest(`:authority ${JSON.stringify(authority)} and Host ${JSON.stringify(host)} differ`);
  }
  return authority ?? host ?? "";
}

/** Of the raw fields: node keeps only the first of several. */
function hostHeaders(request: ClientRequest): string[] {
  const hosts: string[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === "host") hosts.push(request.rawHeaders[index + 1] ?? "");
  }
  return hosts;
}

function badRequest(message: string): Error {
  return gatewayError("SLIPWAY_GATEWAY_BAD_REQUEST", message);
}
