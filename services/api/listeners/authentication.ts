import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { requireToken } from "./bearer-token.ts";

/** Knows by which listener a request came: over TCP it needs the token, on the unix socket the socket's permissions were enough. */
export class Authentication {
  readonly #token: string;
  readonly #trusted = new WeakSet<Socket>();

  constructor(token: string) {
    this.#token = token;
  }

  /** Whoever connects to this server may do everything. */
  trust(server: Server): void {
    server.on("connection", (socket: Socket) => this.#trusted.add(socket));
  }

  /** Throws SLIPWAY_API_UNAUTHORIZED for a request that is neither. */
  check(request: IncomingMessage): void {
    if (!this.#trusted.has(request.socket)) requireToken(request, this.#token);
  }
}
