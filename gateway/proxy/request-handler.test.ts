import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, askHttp2, openHttp2 } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let upstream: TestUpstream;

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startUpstream((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
    });
  });
  gateway.route("shop.test", "/", [upstream.target()]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe("a request over HTTP/1.1", () => {
  test("reaches the route's target and brings its answer back", async () => {
    const answer = await ask(gateway, "shop.test", "/a//b%2f/../c?x=1&y=%20");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ method: "GET", url: "/a//b%2f/../c?x=1&y=%20", body: "" });
  });

  test("carries its body", async () => {
    const answer = await ask(gateway, "shop.test", "/", { method: "POST", body: "hello" });
    expect(JSON.parse(answer.body)).toMatchObject({ method: "POST", body: "hello" });
  });
});

describe("a request over HTTP/2", () => {
  test("reaches the target as HTTP/1.1 with the host that was asked for", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const answer = await askHttp2(session, { ":path": "/x" });
    const seen = JSON.parse(answer.body);
    expect(seen).toMatchObject({ method: "GET", url: "/x", headers: { host: `shop.test:${gateway.httpsPort}` } });
  });

  test("carries its body", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    const answer = await askHttp2(session, { ":path": "/x", ":method": "PUT" }, "hello");
    expect(JSON.parse(answer.body)).toMatchObject({ method: "PUT", body: "hello" });
  });
});
