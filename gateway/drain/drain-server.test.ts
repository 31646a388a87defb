import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { ask, askHttp2, openHttp2, openTls, requestOptions } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

const DEADLINE_MS = 600;

let gateway: TestGateway;
let upstream: TestUpstream;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  gateway = stack.use(await startGateway({ settings: { unusedGraceMs: 50, shutdownDrainMs: DEADLINE_MS } }));
  upstream = stack.use(
    await startUpstream((request, response) => {
      if (request.url === "/head-first") response.write("head");
      if (request.url === "/now") response.end("now");
      else upstream.server.once("answer", () => response.end("done"));
    }),
  );
  gateway.route("shop.test", "/", [upstream.target()]);
});

afterEach(() => stack.disposeAsync());

describe("a gateway that drains", () => {
  test("takes no new connection", async () => {
    await gateway.drain();
    await expect(ask(gateway, "shop.test", "/now")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("closes a kept connection at once", async () => {
    const kept = await openTls(gateway, "shop.test");
    kept.write("GET /now HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await once(kept, "data");
    const before = performance.now();
    const closed = once(kept, "close");
    await gateway.drain();
    await closed;
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS);
  });

  test("gives a new connection the time for its first request, and no more", async () => {
    const [quick, silent] = [await openTls(gateway, "shop.test"), await openTls(gateway, "shop.test")];
    const handshaking = connect(gateway.httpsPort, "127.0.0.1");
    await once(handshaking, "connect");
    const before = performance.now();
    const closed = [once(silent, "close"), once(handshaking.resume(), "close")];
    const drained = gateway.drain();
    quick.write("GET /now HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    expect(String(await quick.toArray())).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/);
    await Promise.all(closed);
    await drained;
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS);
  });

  test("lets a request end, and its connection after it", async () => {
    const [socket, silent] = [await openTls(gateway, "shop.test"), await openTls(gateway, "shop.test")];
    socket.write("GET /wait HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await once(upstream.server, "request");
    const drained = gateway.drain();
    // Its end shows that the time of connections without a request is over.
    await once(silent, "close");
    upstream.server.emit("answer");
    const text = String(await socket.toArray());
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*connection: close\r\n[^]*done/);
    await drained;
  });

  test("closes a connection whose answer had begun as kept, once that is done", async () => {
    const socket = await openTls(gateway, "shop.test");
    socket.write("GET /head-first HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await once(socket, "data");
    const before = performance.now();
    const drained = gateway.drain();
    upstream.server.emit("answer");
    socket.resume();
    await drained;
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS);
  });

  test("tells HTTP/2 clients to go elsewhere and lets their streams end", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const silent = await openTls(gateway, "shop.test");
    const answer = askHttp2(session, { ":path": "/wait" });
    await once(upstream.server, "request");
    const goaway = once(session, "goaway");
    const drained = gateway.drain();
    await goaway;
    await once(silent, "close");
    upstream.server.emit("answer");
    expect(await answer).toMatchObject({ status: 200, body: "done" });
    await drained;
  });

  test("cuts off what is not done at the deadline", async () => {
    const request = httpsRequest(requestOptions(gateway, "shop.test", "/head-first"));
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    await once(response, "data");
    response.resume();
    const failed = once(response, "error");
    await gateway.drain();
    expect((await failed)[0].code).toBe("ECONNRESET");
  });

  test("ends WebSockets, which would not end by themselves", async () => {
    const sockets = new WebSocketServer({ server: upstream.server });
    const lookup = (_name: string, _options: unknown, done: (error: null, addresses: unknown) => void): void =>
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    const socket = new WebSocket(`wss://shop.test:${gateway.httpsPort}/`, { ca: gateway.ca, lookup } as object);
    await once(socket, "open");
    const before = performance.now();
    const closed = once(socket, "close");
    await gateway.drain();
    await closed;
    expect(performance.now() - before).toBeLessThan(DEADLINE_MS);
    sockets.close();
  });

  test("drains once however often it is told to", async () => {
    await expect(Promise.all([gateway.drain(), gateway.drain()])).resolves.toBeDefined();
    await expect(gateway.drain()).resolves.toBeUndefined();
  });
});
