import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What a node:http and a node:http2 server have in common; @types/node does not know it of the second. */
interface Closable extends Server {
  closeIdleConnections?(): void;
}

/** Ends a server without cutting off what it is doing. */
export interface ServerDrain {
  /**
   * Stops accepting, closes idle connections, tells HTTP/2 clients to go elsewhere (GOAWAY), and resolves when the last connection
   * has ended. Connections without a request so far get `unusedGraceMs` for it; those that are left at the deadline are destroyed.
   */
  drain(unusedGraceMs: number, deadline: AbortSignal): Promise<void>;
}

/** Follows a server's connections from the start, so that it can be drained later. */
export function trackConnections(server: Closable): ServerDrain {
  const connections = new Connections();
  let draining = false;
  server.on("connection", (socket: Socket) => connections.accepted(socket));
  server.on("secureConnection", (socket: Socket) => connections.secured(socket));
  server.on("session", (session: ServerHttp2Session) => connections.opened(session));
  server.on("request", (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    if (!("stream" in request)) connections.used(request.socket);
    // A connection that was answering when the end began is idle only then, and would stay for its keep-alive time.
    response.once("close", () => draining && server.closeIdleConnections?.());
  });
  return {
    drain(unusedGraceMs, deadline) {
      draining = true;
      return closeServer(server, connections, unusedGraceMs, deadline);
    },
  };
}

async function closeServer(
  server: Closable,
  connections: Connections,
  unusedGraceMs: number,
  deadline: AbortSignal,
): Promise<void> {
  const closed = once(server, "close");
  // Of an Http2SecureServer this closes the sessions too: GOAWAY, and each ends when its last stream is done.
  server.close();
  const ended = new AbortController();
  const destroyAll = (): void => connections.destroyAll();
  deadline.addEventListener("abort", destroyAll, { once: true });
  if (deadline.aborted) destroyAll();
  const grace = delay(unusedGraceMs, undefined, { signal: ended.signal }).then(
    () => connections.destroyUnused(),
    () => undefined,
  );
  await closed;
  ended.abort();
  await grace;
  deadline.removeEventListener("abort", destroyAll);
}

/** A server's connections: as accepted, and over them, with TLS, as the requests see them. */
class Connections {
  readonly #accepted = new Set<Socket>();
  readonly #seen = new Set<Socket>();
  readonly #used = new WeakSet<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();

  accepted(socket: Socket): void {
    this.#accepted.add(socket);
    socket.once("close", () => this.#accepted.delete(socket));
  }

  secured(socket: Socket): void {
    this.#seen.add(socket);
    socket.once("close", () => this.#seen.delete(socket));
  }

  /** HTTP/2: the session ends by itself. */
  opened(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
  }

  /** HTTP/1.1: it has brought a request. */
  used(socket: Socket): void {
    this.#used.add(socket);
  }

  /** Nothing public leads from a TLS socket or a session to the accepted socket, but they have the same peer. */
  destroyUnused(): void {
    const used = [...this.#seen, ...this.#accepted].filter((socket) => this.#used.has(socket));
    const inUse = new Set([...used, ...[...this.#sessions].map((session) => session.socket)].map(peerOf));
    for (const socket of this.#accepted) if (!inUse.has(peerOf(socket))) socket.destroy();
  }

  destroyAll(): void {
    for (const socket of this.#accepted) socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress}|${remotePort}`;
}
