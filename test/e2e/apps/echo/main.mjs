// Answers every request with what it saw of it; /slow?ms=N after a while, /status?code=N with that status. A file /tmp/sick makes
// /health fail.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocketServer } from "ws";

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://echo");
  const body = await text(request);
  if (pathname === "/slow") await delay(Number(searchParams.get("ms")));
  const status = pathname === "/health" ? (existsSync("/tmp/sick") ? 500 : 200) : Number(searchParams.get("code") ?? 200);
  const { method, url, headers, httpVersion } = request;
  response.writeHead(status, { "content-type": "application/json", "x-instance": hostname() });
  response.end(JSON.stringify({ instance: hostname(), method, url, headers, httpVersion, body }));
});

new WebSocketServer({ server }).on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(8080, () => console.log("echo: listens"));
