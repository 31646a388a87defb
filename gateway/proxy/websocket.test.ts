import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RouteTarget } from "#contracts/route.ts";
import { WebSocket, WebSocketServer } from "ws";
import { ask, openTls, readToEnd } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let upstream: TestUpstream;
let plain: TestUpstream;
let sockets: WebSocketServer;

beforeAll(async () => {
  gateway = await startGateway({ settings: { responseTimeoutMs: 100, targetDrainMs: 50 } });
  upstream = await startUpstream((_request, response) => void response.end("plain"));
  sockets = new WebSocketServer({ server: upstream.server });
  sockets.on("connection", (socket, request) => {
    socket.on("message", (message, isBinary) => socket.send(message, { binary: isBinary }));
    if (request.url === "/headers") socket.send(JSON.stringify(request.headers));
  });
  plain = await startUpstream((_request, response) => void response.writeHead(403).end("no sockets here"));
  gateway.route("chat.test", "/", [upstream.target()]);
  gateway.route("plain.test", "/", [plain.target()]);
  gateway.route("empty.test", "/", []);
  const target = { instanceId: "0".repeat(12), address: "127.0.0.1", state: "ready" } as const;
  gateway.route("gone.test", "/", [{ ...target, port: await closedPort() }]);
  gateway.route("breaking.test", "/", [await rawTarget((socket) => socket.destroy())]);
  gateway.route("silent.test", "/", [await rawTarget(() => undefined)]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  sockets.close();
  await upstream[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

async function rawTarget(take: (socket: Socket) => void): Promise<RouteTarget> {
  const server = createServer((socket) => socket.once("data", () => take(socket)));
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { instanceId: String(port).padStart(12, "0"), address: "127.0.0.1", port, state: "ready" };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function dial(host: string, path = "/", headers: Record<string, string> = {}): WebSocket {
  const lookup = (_name: string, _options: unknown, done: (error: null, addresses: unknown) => void): void =>
    done(null, [{ address: "127.0.0.1", family: 4 }]);
  return new WebSocket(`wss://${host}:${gateway.httpsPort}${path}`, { ca: gateway.ca, headers, lookup } as object);
}

async function refusal(socket: WebSocket): Promise<number | undefined> {
  socket.on("error", () => undefined);
  const [, response] = await once(socket, "unexpected-response");
  socket.terminate();
  return response.statusCode;
}

describe("a WebSocket", () => {
  test("carries messages both ways", async () => {
    const socket = dial("chat.test");
    await once(socket, "open");
    const large = Buffer.alloc(3_000_000, "x");
    socket.send("hello");
    socket.send(large);
    const received: Buffer[] = [];
    socket.on("message", (message: Buffer) => received.push(message));
    while (received.length < 2) await once(socket, "message");
    expect(received[0]?.toString()).toBe("hello");
    expect(received[1]?.equals(large)).toBe(true);
    socket.close(1000);
    const [code] = await once(socket, "close");
    expect(code).toBe(1000);
  });

  test("tells the target who asked, whatever the client says", async () => {
    const socket = dial("chat.test", "/headers", { "x-forwarded-for": "203.0.113.66", te: "trailers" });
    const [message] = await once(socket, "message");
    const headers = JSON.parse(String(message));
    expect(headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", upgrade: "websocket" });
    expect(headers).not.toHaveProperty("te");
    socket.terminate();
  });

  test("that the target refuses brings the target's answer", async () => {
    expect(await refusal(dial("plain.test"))).toBe(403);
  });

  test("to a service without an instance is answered 503", async () => {
    expect(await refusal(dial("empty.test"))).toBe(503);
  });

  test.each([
    ["refuses connections", "gone.test", 502],
    ["breaks off", "breaking.test", 502],
    ["does not answer", "silent.test", 504],
  ])("to a target that %s is answered with what is wrong", async (_title, host, status) => {
    expect(await refusal(dial(host))).toBe(status);
  });

  test("whose target goes is ended at the deadline", async () => {
    const socket = dial("chat.test");
    socket.on("error", () => undefined);
    await once(socket, "open");
    const closed = once(socket, "close");
    gateway.route("chat.test", "/", []);
    const [code] = await closed;
    expect(code).toBe(1006);
    gateway.route("chat.test", "/", [upstream.target()]);
  });
});

test("an upgrade to another protocol is answered as if it had not been asked for", async () => {
  const answer = await ask(gateway, "chat.test", "/", {
    headers: { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c" },
  });
  expect(answer).toMatchObject({ status: 200, body: "plain" });
});

test("a refused handshake ends its connection", async () => {
  const socket = await openTls(gateway, "empty.test");
  socket.write("GET / HTTP/1.1\r\nHost: empty.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 503 .*\r\n[^]*connection: close\r\n[^]*SLIPWAY_GATEWAY_NO_INSTANCE/);
});
