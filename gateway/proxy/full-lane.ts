import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { createProxyServer, type ProxyServer, type ServerOptions } from "http-proxy-3";
import type { Lease } from "../balancer/upstream.ts";
import type { GatewaySettings } from "../settings.ts";
import type { ClientRequest, ClientResponse } from "./client-exchange.ts";
import { UpstreamAttempt } from "./upstream-attempt.ts";

/** A request to switch protocols, and the bytes that came after it. */
export interface Handshake {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** http-proxy hands them on to its events. Not a WeakMap by request: its table would hold on to what a request left until the next whole collection. */
interface LaneOptions extends ServerOptions {
  attempt: UpstreamAttempt;
}

/**
 * The lane that takes everything HTTP can be: node's own parsers and http-proxy. It connects, sends the request and its body, and
 * hands over the answer's head; the client's response is written by `relay-answer.ts`.
 */
export class FullLane {
  readonly #settings: GatewaySettings;
  readonly #proxy: ProxyServer;

  constructor(settings: GatewaySettings) {
    this.#settings = settings;
    // toProxy: the client's path as it is, not normalised by a URL parser.
    this.#proxy = createProxyServer({ toProxy: true, connectTimeout: settings.connectTimeoutMs });
    this.#proxy.before("web", "deleteLength", hideChunked);
    this.#proxy.before("web", "timeout", revealChunked);
    this.#proxy.on("proxyReq", (sent, _request, _response, options) => (options as LaneOptions).attempt.began(sent));
    this.#proxy.on("proxyReqWs", (sent, _request, _socket, options) => (options as LaneOptions).attempt.began(sent));
    // Each attempt has its own callback; without a listener http-proxy would throw.
    this.#proxy.on("error", () => undefined);
  }

  /** Sends a request, its body following; the attempt's answer is the head of the response. */
  ask(request: ClientRequest, response: ClientResponse, lease: Lease): UpstreamAttempt {
    const attempt = new UpstreamAttempt(request, lease, this.#settings);
    response.once("close", () => attempt.responseClosed());
    const { address: host, port, agent } = lease.upstream;
    const options: LaneOptions = { target: { host, port }, agent, selfHandleResponse: true, attempt };
    attempt.start((failed) => this.#proxy.web(request as IncomingMessage, response as ServerResponse, options, failed));
    return attempt;
  }

  /**
   * Forwards a WebSocket handshake and then bytes both ways; http-proxy itself writes the target's answer, whatever it is, to the
   * socket. When there is none it ends the socket: `onFailure` is called before.
   */
  upgrade(handshake: Handshake, lease: Lease, onFailure: (error: Error) => void): UpstreamAttempt {
    const { request, socket, head } = handshake;
    const attempt = new UpstreamAttempt(request, lease, this.#settings, onFailure);
    socket.once("close", () => attempt.responseClosed());
    const { address: host, port, agent } = lease.upstream;
    const options: LaneOptions = { target: { host, port }, agent, attempt };
    attempt.start((failed) => this.#proxy.ws(request, socket, head, options, failed));
    return attempt;
  }
}

const UNKNOWN_LENGTH = "unknown";

/**
 * http-proxy gives a DELETE or OPTIONS without a length the length 0 and takes its chunked framing away: a body would be the
 * target's next request. It leaves requests alone that have a length, so for that pass they have one.
 */
function hideChunked({ headers }: IncomingMessage): void {
  if (headers["transfer-encoding"] !== undefined) headers["content-length"] = UNKNOWN_LENGTH;
}

function revealChunked({ headers }: IncomingMessage): void {
  if (headers["content-length"] === UNKNOWN_LENGTH) delete headers["content-length"];
}
