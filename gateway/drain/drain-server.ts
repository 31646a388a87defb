import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Server, Socket } from "node:net";

/** What a node:http and a node:http2 server have in common; @types/node does not know it of the second. */
interface Closable extends Server {
  closeIdleConnections?(): void;
}

/** Ends a server without cutting off what it is doing: see {@link ServerDrain.drain}. */
export interface ServerDrain {
  /**
   * Stops accepting, closes idle connections, tells HTTP/2 clients to go elsewhere (GOAWAY), and resolves when the last
   * connection has ended; connections that are left when the signal aborts are destroyed.
   */
  drain(signal: AbortSignal): Promise<void>;
}

/** Follows a server's connections from the start, so that it can be drained later. */
export function trackConnections(server: Closable): ServerDrain {
  const sockets = new Set<Socket>();
  let draining = false;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("request", (_request: unknown, response: ServerResponse | Http2ServerResponse) => {
    // A connection that was answering when the end began is idle only then, and would stay for its keep-alive time.
    response.once("close", () => draining && server.closeIdleConnections?.());
  });
  return {
    drain(signal) {
      draining = true;
      return closeServer(server, sockets, signal);
    },
  };
}

async function closeServer(server: Closable, sockets: Set<Socket>, signal: AbortSignal): Promise<void> {
  const closed = once(server, "close");
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  // Of an Http2SecureServer this closes the sessions too: GOAWAY, and each ends when its last stream is done.
  server.close();
  if (signal.aborted) destroyAll();
  signal.addEventListener("abort", destroyAll, { once: true });
  await closed;
  signal.removeEventListener("abort", destroyAll);
}
