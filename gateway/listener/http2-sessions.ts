import type { Http2Server, ServerHttp2Session } from "node:http2";

/** Closes (GOAWAY, RFC 9113, 6.8) HTTP/2 connections that have had no open stream for so long: node keeps them for ever. */
export function closeIdleSessions(server: Pick<Http2Server, "on">, idleMs: number): void {
  server.on("session", (session: ServerHttp2Session) => {
    let open = 0;
    session.on("stream", (stream) => {
      open += 1;
      stream.once("close", () => (open -= 1));
    });
    session.setTimeout(idleMs, () => {
      if (open === 0) session.close();
    });
  });
}
