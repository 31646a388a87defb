import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, askHttp2, openHttp2, openTls, readToEnd } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let upstream: TestUpstream;
let underWay = 0;
let mostUnderWay = 0;

beforeAll(async () => {
  gateway = await startGateway({
    settings: { keepAliveTimeoutMs: 200, headersTimeoutMs: 200, maxConcurrentStreams: 4 },
  });
  upstream = await startUpstream((request, response) => {
    if (request.url === "/switch")
      return void request.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    if (request.url === "/early") return answerEarly(request, response);
    if (request.url === "/events") return void response.write("event");
    mostUnderWay = Math.max(mostUnderWay, ++underWay);
    // As long as a service takes: streams over the limit would be under way beside the others.
    setTimeout(() => {
      underWay -= 1;
      response.end("ok");
    }, 20);
  });
  gateway.route("shop.test", "/", [upstream.target()]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const EARLY = "x".repeat(300_000);

/** Answers before the request has ended, and says when that has ended, and whether it was whole. */
function answerEarly(request: IncomingMessage, response: ServerResponse): void {
  const ended = (): boolean => upstream.server.emit("upload-ended", request.complete);
  request.once("end", ended).resume();
  request.socket.once("close", ended);
  response.writeHead(413).end(EARLY);
}

describe("an HTTP/2 connection", () => {
  test("is closed after its keep-alive time without a stream", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    await askHttp2(session, { ":path": "/" });
    const [code] = await once(session, "goaway");
    expect(code).toBe(0);
    await once(session, "close");
  });

  test("stays as long as a stream is open, however silent", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const stream = session.request({ ":path": "/events" });
    await once(stream, "data");
    let ended = false;
    session.once("goaway", () => (ended = true));
    // Longer than the idle time: another connection's idle end marks that it has passed.
    await using other = await openHttp2(gateway, "shop.test");
    await once(other, "goaway");
    expect(ended).toBe(false);
    stream.close();
  });

  test("carries no more streams at a time than it may", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    // The limit is known once the first answer is.
    await askHttp2(session, { ":path": "/" });
    mostUnderWay = 0;
    const answers = await Promise.all(Array.from({ length: 20 }, () => askHttp2(session, { ":path": "/" })));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect(mostUnderWay).toBeLessThanOrEqual(4);
  });

  test("goes on after an answer that came before the end of its request", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    for (let round = 0; round < 6; round += 1) {
      const stream = session.request({ ":path": "/early", ":method": "POST" });
      const ended = once(upstream.server, "upload-ended");
      stream.write(Buffer.alloc(100_000));
      const [headers] = await once(stream, "response");
      expect(headers[":status"]).toBe(413);
      let body = "";
      stream.setEncoding("utf8").on("data", (text: string) => (body += text));
      await once(stream, "close");
      expect([body.length, stream.rstCode]).toEqual([EARLY.length, 0]);
      expect(await ended).toEqual([false]);
    }
    expect(await askHttp2(session, { ":path": "/" })).toMatchObject({ status: 200 });
  });
});

test("a target that switches protocols though nobody asked is a broken one", async () => {
  const answer = await ask(gateway, "shop.test", "/switch", { method: "POST" });
  expect(JSON.parse(answer.body)).toMatchObject({ status: 502, code: "SLIPWAY_GATEWAY_TARGET_BROKE" });
});

test("a kept connection is closed after its keep-alive time", { timeout: 5_000 }, async () => {
  const socket = await openTls(gateway, "shop.test");
  socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  expect(await readToEnd(socket)).toContain("200 OK");
});

test("connections over the limit are closed, and make room when they go", async () => {
  await using small = await startGateway({ settings: { maxConnections: 6 } });
  small.route("shop.test", "/", [upstream.target()]);
  const held = await Promise.all(Array.from({ length: 6 }, () => openTls(small, "shop.test")));
  const closed = held.map((socket) => once(socket, "close"));
  await expect(openTls(small, "shop.test")).rejects.toMatchObject({ code: "ECONNRESET" });
  for (const socket of held) socket.destroy();
  await Promise.all(closed);
  const status = (): Promise<number> =>
    ask(small, "shop.test", "/").then(
      (answer) => answer.status,
      () => 0,
    );
  await expect.poll(status).toBe(200);
});

test("the HTTP port closes a request whose body does not come", async () => {
  const socket = connect(gateway.httpPort, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\n");
  const text = String(await socket.toArray());
  expect(text).toMatch(/^HTTP\/1\.1 308 /);
});
