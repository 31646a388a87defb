import { once } from "node:events";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders as Http2Headers } from "node:http2";
import { type Agent, request as httpsRequest, type RequestOptions } from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";

/** Where a gateway listens, on loopback, and the CA to trust. */
export interface GatewayAddress {
  httpsPort: number;
  ca: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  trailers: NodeJS.Dict<string>;
  body: string;
}

export interface Ask {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer;
  agent?: Agent;
  signal?: AbortSignal;
  /** False for hosts that have no certificate. */
  rejectUnauthorized?: boolean;
  /** Another server name (SNI) than the host. */
  servername?: string;
}

/** Options of a node:https request for a host that goes to the gateway on loopback, with its CA trusted and no other. */
export function requestOptions(gateway: GatewayAddress, host: string, path: string, options: Ask = {}): RequestOptions {
  const { body: _body, ...rest } = options;
  const headers = { host: `${host}:${gateway.httpsPort}`, ...options.headers };
  return {
    host: "127.0.0.1",
    port: gateway.httpsPort,
    servername: host,
    ca: gateway.ca,
    path,
    agent: false,
    ...rest,
    headers,
  };
}

/** One HTTPS request over HTTP/1.1. */
export async function ask(gateway: GatewayAddress, host: string, path: string, options: Ask = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpsRequest(requestOptions(gateway, host, path, options), (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.once("error", reject);
    response.once("end", () => {
      const { statusCode: status = 0, headers, trailers } = response;
      resolve({ status, headers, trailers, body: Buffer.concat(chunks).toString() });
    });
  });
  request.once("error", reject);
  request.end(options.body);
  return promise;
}

/** An HTTP/2 connection to the gateway; closed when disposed. */
export async function openHttp2(gateway: GatewayAddress, host: string): Promise<ClientHttp2Session & AsyncDisposable> {
  const session = connect(`https://${host}:${gateway.httpsPort}`, {
    ca: gateway.ca,
    servername: host,
    createConnection: () =>
      connectTls({ host: "127.0.0.1", port: gateway.httpsPort, servername: host, ca: gateway.ca, ALPNProtocols: ["h2"] }),
  });
  await once(session, "connect");
  const dispose = async (): Promise<void> => {
    if (session.destroyed) return;
    const closed = once(session, "close");
    session.destroy();
    await closed;
  };
  return Object.assign(session, { [Symbol.asyncDispose]: dispose });
}

/** One request on an HTTP/2 connection. */
export async function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  const chunks: Buffer[] = [];
  let head: Http2Headers & { ":status"?: number | undefined } = {};
  let trailers: NodeJS.Dict<string> = {};
  stream.on("response", (received) => (head = received));
  stream.on("trailers", (received) => (trailers = { ...received } as NodeJS.Dict<string>));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (body !== undefined) stream.end(body);
  await once(stream, "end");
  return { status: head[":status"] ?? 0, headers: head, trailers, body: Buffer.concat(chunks).toString() };
}

/** A TLS connection with http/1.1, for bytes that no client library would send. */
export async function openTls(gateway: GatewayAddress, host: string, alpn = "http/1.1"): Promise<TLSSocket> {
  const socket = connectTls({
    host: "127.0.0.1",
    port: gateway.httpsPort,
    servername: host,
    ca: gateway.ca,
    ALPNProtocols: [alpn],
  });
  await once(socket, "secureConnect");
  return socket;
}

/** Everything that the gateway sends until it closes the connection. */
export async function readToEnd(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  if (!socket.destroyed) await once(socket, "close");
  return Buffer.concat(chunks).toString();
}
