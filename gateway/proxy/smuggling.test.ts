import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { askHttp2, openHttp2, openTls, readToEnd } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let upstream: TestUpstream;
const seen: { line: string; body: string }[] = [];

beforeAll(async () => {
  gateway = await startGateway({ settings: { headersTimeoutMs: 200, keepAliveTimeoutMs: 200 } });
  upstream = await startUpstream((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      seen.push({ line: `${request.method} ${request.url}`, body: Buffer.concat(chunks).toString() });
      response.end("ok");
    });
  });
  gateway.route("shop.test", "/", [upstream.target()]);
});

beforeEach(() => {
  seen.length = 0;
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

/** Sends bytes as they are, and returns all that comes back until the connection ends. */
async function send(...lines: string[]): Promise<string> {
  const socket = await openTls(gateway, "shop.test");
  const received = readToEnd(socket);
  socket.write(lines.join("\r\n"));
  return received;
}

const HOST = "Host: shop.test";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n";

describe("a request that two readers could take for different ones is refused", () => {
  test.each([
    [
      "with a length and chunks",
      ["POST / HTTP/1.1", HOST, "Content-Length: 4", "Transfer-Encoding: chunked", "", `0\r\n\r\n${SMUGGLED}`],
    ],
    ["with two lengths", ["POST / HTTP/1.1", HOST, "Content-Length: 4", "Content-Length: 5", "", "abcde"]],
    ["with a list of lengths", ["POST / HTTP/1.1", HOST, "Content-Length: 4, 5", "", "abcde"]],
    ["with a negative length", ["POST / HTTP/1.1", HOST, "Content-Length: -1", "", ""]],
    ["with a signed length", ["POST / HTTP/1.1", HOST, "Content-Length: +4", "", "abcd"]],
    [
      "with a coding after chunked",
      ["POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked, identity", "", `0\r\n\r\n${SMUGGLED}`],
    ],
    ["with an unknown coding", ["POST / HTTP/1.1", HOST, "Transfer-Encoding: xchunked", "", `0\r\n\r\n${SMUGGLED}`]],
    ["with a space before a colon", ["POST / HTTP/1.1", HOST, "Transfer-Encoding : chunked", "", `0\r\n\r\n${SMUGGLED}`]],
    ["with a folded field", ["POST / HTTP/1.1", HOST, "X-A: b", " Transfer-Encoding: chunked", "", "0\r\n\r\n"]],
    [
      "with a bare line feed in a chunk's size",
      ["POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "", `2\nab\r\n0\r\n\r\n`],
    ],
    [
      "with a chunk size that is none",
      ["POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "", `0x2\r\nab\r\n0\r\n\r\n`],
    ],
    ["with a NUL in a field", ["GET / HTTP/1.1", HOST, "X-A: b\0c", "", ""]],
    ["with a bare carriage return in a field", ["GET / HTTP/1.1", HOST, "X-A: b\rTransfer-Encoding: chunked", "", ""]],
    ["with two hosts", ["GET / HTTP/1.1", HOST, "Host: other.test", "", ""]],
    ["without a host", ["GET / HTTP/1.1", "", ""]],
    ["with a host that is none", ["GET / HTTP/1.1", "Host: shop.test/x", "", ""]],
    ["with a host that has a user", ["GET / HTTP/1.1", "Host: user@shop.test", "", ""]],
    ["with a fragment in its target", ["GET /#x HTTP/1.1", HOST, "", ""]],
    ["with a target that is no path", ["GET shop HTTP/1.1", HOST, "", ""]],
    ["that names the server itself", ["OPTIONS * HTTP/1.1", HOST, "", ""]],
    ["of an unknown version", ["GET / HTTP/1.2", HOST, "", ""]],
  ])("%s", async (_title, lines) => {
    expect(await send(...lines)).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).toEqual([]);
  });
});

describe("what would make a tunnel or an echo of the gateway is refused", () => {
  test("CONNECT", async () => {
    expect(await send("CONNECT shop.test:443 HTTP/1.1", HOST, "", "")).not.toContain(" 200 ");
    expect(seen).toEqual([]);
  });

  test("TRACE", async () => {
    expect(await send("TRACE / HTTP/1.1", HOST, "Connection: close", "", "")).toMatch(/^HTTP\/1\.1 501 /);
    expect(seen).toEqual([]);
  });

  test("CONNECT over HTTP/2", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const stream = session.request({ ":method": "CONNECT", ":authority": "shop.test:443" });
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBeGreaterThanOrEqual(400);
    stream.close();
    expect(seen).toEqual([]);
  });
});

describe("a body stays the body of its request", () => {
  test.each(["GET", "DELETE", "OPTIONS", "PATCH"])("of a chunked %s", async (method) => {
    const chunk = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
    await send(`${method} / HTTP/1.1`, HOST, "Transfer-Encoding: chunked", "Connection: close", "", chunk);
    await send("GET /next HTTP/1.1", HOST, "Connection: close", "", "");
    expect(seen).toEqual([
      { line: `${method} /`, body: SMUGGLED },
      { line: "GET /next", body: "" },
    ]);
  });

  test.each(["GET", "DELETE", "OPTIONS", "PUT"])("of an HTTP/2 %s without a length", async (method) => {
    await using session = await openHttp2(gateway, "shop.test");
    await askHttp2(session, { ":method": method, ":path": "/" }, SMUGGLED);
    await askHttp2(session, { ":path": "/next" });
    expect(seen).toEqual([
      { line: `${method} /`, body: SMUGGLED },
      { line: "GET /next", body: "" },
    ]);
  });

  test("of a GET that says its length in a field that its connection field names", async () => {
    const answer = await send(
      "GET / HTTP/1.1",
      HOST,
      `Content-Length: ${SMUGGLED.length}`,
      "Connection: close, Content-Length",
      "",
      SMUGGLED,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 /);
    expect(seen).toEqual([{ line: "GET /", body: SMUGGLED }]);
  });
});

describe("a pipelined request", () => {
  test("is answered in its turn", async () => {
    const next = `GET /2 HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`;
    const answer = await send("GET /1 HTTP/1.1", HOST, "", next);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(seen.map(({ line }) => line)).toEqual(["GET /1", "GET /2"]);
  });
});

test("an absolute target goes before the host field", async () => {
  expect(await send("GET https://shop.test/x HTTP/1.1", "Host: other.test", "Connection: close", "", "")).toMatch(
    /^HTTP\/1\.1 200 /,
  );
  expect(seen[0]?.line).toBe("GET /x");
  expect(upstream.requests.at(-1)?.headers.host).toBe("shop.test");
});

test("a header section over the limit is refused", async () => {
  expect(await send("GET / HTTP/1.1", HOST, `X-A: ${"a".repeat(40_000)}`, "", "")).toMatch(/^HTTP\/1\.1 431 /);
});

test("a header section that does not end in time is refused", async () => {
  expect(await send("GET / HTTP/1.1", HOST, "X-A: ")).toMatch(/^HTTP\/1\.1 408 /);
});

describe("over HTTP/2, a malformed request is a stream error and reaches no target", () => {
  test.each([
    ["with a connection field", { connection: "keep-alive" }],
    ["with a transfer coding", { "transfer-encoding": "chunked" }],
    ["with an upgrade", { upgrade: "websocket" }],
    ["with another host than its authority", { ":authority": "shop.test", host: "other.test" }],
  ])("%s", async (_title, headers) => {
    await using session = await openHttp2(gateway, "shop.test");
    const status = await askHttp2(session, { ":path": "/", ...headers }).then(
      (answer) => answer.status,
      () => 400,
    );
    expect(status).toBe(400);
    expect(seen).toEqual([]);
  });

  test("with a path that no HTTP/1.1 request could have", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const status = await askHttp2(session, { ":path": "/ HTTP/1.1" }).then(
      (answer) => answer.status,
      () => 400,
    );
    expect(status).toBe(400);
    expect(seen).toEqual([]);
  });
});
