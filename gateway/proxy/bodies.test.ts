import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, askHttp2, openHttp2, openTls, readToEnd, requestOptions } from "../testing/clients.ts";
import { Http2Frames } from "../testing/http2-frames.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

const SIZE = 24 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, "0123456789abcdef");

let gateway: TestGateway;
let upstream: TestUpstream;
/** Bytes that the target could write before it had to wait. */
let written = 0;

const HANDLERS: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  "/digest": (request, response) => {
    const hash = createHash("sha256");
    request.on("data", (chunk: Buffer) => hash.update(chunk));
    request.on("end", () => response.end(hash.digest("hex")));
  },
  "/large": (_request, response) => void pipeline(chunks(SIZE), response).catch(() => undefined),
  "/endless": (_request, response) => {
    written = 0;
    const write = (): void => {
      while (response.write(CHUNK)) written += CHUNK.length;
      response.once("drain", write);
    };
    write();
    response.once("close", () => upstream.server.emit("endless-ended"));
  },
  "/events": (request, response) => {
    response.setHeader("content-type", "text/event-stream");
    response.write("data: 1\n\n");
    upstream.server.once("next-event", () => response.end("data: 2\n\n"));
    request.on("close", () => upstream.server.emit("client-gone"));
  },
  "/half": (_request, response) => {
    response.setHeader("content-length", "100");
    response.write("half");
    upstream.server.once("break", () => response.destroy());
  },
  "/half-chunked": (_request, response) => {
    response.write("half");
    upstream.server.once("break", () => response.destroy());
  },
  "/trailers": (_request, response) => {
    response.setHeader("trailer", "x-checksum");
    response.write("body");
    response.addTrailers({ "x-checksum": "42" });
    response.end();
  },
  "/early": (request, response) => {
    request.pause();
    response.writeHead(413).end("too much");
  },
  "/partial": (request) => {
    request.once("data", () => upstream.server.emit("upload-began"));
    request.once("close", () => upstream.server.emit("upload-ended", request.complete));
  },
  "/none": (_request, response) => void response.writeHead(204).end(),
};

beforeAll(async () => {
  gateway = await startGateway({ settings: { bodyIdleTimeoutMs: 300 } });
  upstream = await startUpstream((request, response) => HANDLERS[request.url ?? ""]?.(request, response));
  gateway.route("shop.test", "/", [upstream.target()]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function* chunksOf(size: number): Generator<Buffer> {
  for (let sent = 0; sent < size; sent += CHUNK.length) yield CHUNK;
}
const chunks = (size: number): Readable => Readable.from(chunksOf(size));

const DIGEST = (() => {
  const hash = createHash("sha256");
  for (const chunk of chunksOf(SIZE)) hash.update(chunk);
  return hash.digest("hex");
})();

async function respond(path: string, options = {}): Promise<[IncomingMessage, ClientRequest]> {
  const request = httpsRequest(requestOptions(gateway, "shop.test", path, options));
  request.on("error", () => undefined);
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return [response, request];
}

async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

describe("a large body", () => {
  test("of a request arrives whole over HTTP/1.1", async () => {
    const request = httpsRequest(requestOptions(gateway, "shop.test", "/digest", { method: "POST" }));
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    await pipeline(chunks(SIZE), request);
    const [response] = await answered;
    expect(String(await response.setEncoding("utf8").toArray())).toBe(DIGEST);
  });

  test("of a request arrives whole over HTTP/2", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const stream = session.request({ ":path": "/digest", ":method": "POST" });
    await pipeline(chunks(SIZE), stream, { end: true });
    expect(String(await stream.setEncoding("utf8").toArray())).toBe(DIGEST);
  });

  test("of an answer arrives whole over HTTP/1.1", async () => {
    const [response] = await respond("/large");
    expect(await digestOf(response)).toBe(DIGEST);
  });

  test("of an answer arrives whole over HTTP/2", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    expect(await digestOf(session.request({ ":path": "/large" }))).toBe(DIGEST);
  });
});

describe("an answer", () => {
  test("that the client does not take is not read from the target either, and its client is reset in the end", async () => {
    const given = once(upstream.server, "endless-ended");
    const [response] = await respond("/endless");
    response.pause();
    await given;
    response.destroy();
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  test("arrives as it is written", async () => {
    const [response] = await respond("/events");
    const [first] = await once(response, "data");
    expect(String(first)).toBe("data: 1\n\n");
    upstream.server.emit("next-event");
    const [second] = await once(response, "data");
    expect(String(second)).toBe("data: 2\n\n");
  });

  test("is cancelled at the target when its client goes", async () => {
    const gone = once(upstream.server, "client-gone");
    const [response, request] = await respond("/events");
    await once(response, "data");
    request.destroy();
    await expect(gone).resolves.toBeDefined();
  });

  test("is cancelled at the target when its HTTP/2 stream is reset", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const gone = once(upstream.server, "client-gone");
    const stream = session.request({ ":path": "/events" });
    await once(stream, "data");
    stream.close(8);
    await expect(gone).resolves.toBeDefined();
  });

  test.each(["/half", "/half-chunked"])("that breaks off in the middle (%s) does not look complete", async (path) => {
    const [response] = await respond(path);
    await once(response, "data");
    response.resume();
    const failed = once(response, "error");
    upstream.server.emit("break");
    expect((await failed)[0].code).toBe("ECONNRESET");
  });

  test("that breaks off in the middle resets its HTTP/2 stream and leaves the others", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const stream = session.request({ ":path": "/half" });
    await once(stream, "data");
    const failed = once(stream, "error");
    upstream.server.emit("break");
    await failed;
    expect(stream.rstCode).toBe(2);
    expect(await askHttp2(session, { ":path": "/none" })).toMatchObject({ status: 204 });
  });

  test("keeps its trailers over both versions", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const expected = { status: 200, body: "body", trailers: { "x-checksum": "42" } };
    expect(await ask(gateway, "shop.test", "/trailers")).toMatchObject(expected);
    expect(await askHttp2(session, { ":path": "/trailers" })).toMatchObject(expected);
  });

  test("that comes before the request's end reaches the client, and the connection goes on", async () => {
    const socket = await openTls(gateway, "shop.test");
    const received = readToEnd(socket);
    socket.write(`POST /early HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${CHUNK.length * 4}\r\n\r\n`);
    for (let index = 0; index < 4; index += 1) {
      socket.write(CHUNK);
      await turn();
    }
    socket.write("GET /none HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    expect(await received).toMatch(/^HTTP\/1\.1 413 [^]*too much[^]*HTTP\/1\.1 204 /);
  });
});

describe("a request's body", () => {
  test("that stops coming is answered 408", async () => {
    const socket = await openTls(gateway, "shop.test");
    socket.write("POST /digest HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhalf");
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 408 [^]*SLIPWAY_GATEWAY_REQUEST_STALLED/);
  });

  test("that stops coming over HTTP/2 is answered 408", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const stream = session.request({ ":path": "/digest", ":method": "POST" });
    stream.on("error", () => undefined);
    stream.write("half");
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(408);
    stream.close();
  });

  test("that is cut off does not look whole to the target", async () => {
    const request = httpsRequest(requestOptions(gateway, "shop.test", "/partial", { method: "POST" }));
    request.on("error", () => undefined);
    const ended = once(upstream.server, "upload-ended");
    const begun = once(upstream.server, "upload-began");
    request.write("half");
    await begun;
    request.destroy();
    expect(await ended).toEqual([false]);
  });

  test.each(["with CANCEL", "without an error", "with its connection"])(
    "that is cut off over HTTP/2 %s does not look whole to the target",
    async (how) => {
      const frames = await Http2Frames.open(gateway, "shop.test");
      const ended = once(upstream.server, "upload-ended");
      const begun = once(upstream.server, "upload-began");
      frames.headers(1, { ":method": "POST", ":scheme": "https", ":authority": "shop.test", ":path": "/partial" });
      frames.data(1, "half");
      await begun;
      if (how === "with its connection") frames.socket.destroy();
      else frames.reset(1, how === "with CANCEL" ? 8 : 0);
      expect(await ended).toEqual([false]);
      frames.socket.destroy();
    },
  );

  test("waits for 100 (Continue) when the client does", async () => {
    const options = { method: "POST", headers: { expect: "100-continue", "content-length": 5 } };
    const request = httpsRequest(requestOptions(gateway, "shop.test", "/digest", options));
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    request.flushHeaders();
    await once(request, "continue");
    request.end("hello");
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  test("is not asked for when there is nobody to send it to", async () => {
    gateway.route("empty.test", "/", []);
    const options = { method: "POST", headers: { expect: "100-continue", "content-length": 5 } };
    const request = httpsRequest(requestOptions(gateway, "empty.test", "/", options));
    let continued = false;
    request.on("continue", () => (continued = true));
    request.flushHeaders();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect([response.statusCode, continued]).toEqual([503, false]);
    request.on("error", () => undefined);
    request.destroy();
  });
});
