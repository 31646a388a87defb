import type { IncomingHttpHeaders } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTelemetry } from "#telemetry/start.ts";
import { ask, askHttp2, openHttp2 } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let telemetry: AsyncDisposable;
let gateway: TestGateway;
let upstream: TestUpstream;

beforeAll(async () => {
  telemetry = await startTelemetry({ service: "slipway-gateway", version: "0", environment: {} });
  gateway = await startGateway();
  upstream = await startUpstream((_request, response) => {
    response.setHeader("connection", "x-secret-hop");
    response.setHeader("x-secret-hop", "1");
    response.setHeader("proxy-authenticate", "Basic");
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    response.end();
  });
  gateway.route("shop.test", "/", [upstream.target()]);
});

afterAll(async () => {
  await telemetry[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const FORGED = {
  "x-forwarded-for": "203.0.113.66",
  "x-forwarded-host": "evil.test",
  "x-forwarded-proto": "http",
  "x-forwarded-port": "1",
  "x-forwarded-prefix": "/evil",
  "x-forwarded-client-cert": "evil",
  x_forwarded_for: "203.0.113.66",
  "x-real-ip": "203.0.113.66",
  "x-request-id": "evil",
  forwarded: "for=203.0.113.66",
  proxy: "http://evil.test",
  "proxy-authorization": "Basic evil",
};

async function seen(headers: Record<string, string>): Promise<IncomingHttpHeaders> {
  upstream.requests.length = 0;
  await ask(gateway, "shop.test", "/", { headers });
  return upstream.requests[0]?.headers ?? {};
}

describe("the target is told", () => {
  test("who asked, for what and how", async () => {
    const host = `shop.test:${gateway.httpsPort}`;
    expect(await seen({})).toMatchObject({
      host,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": host,
      "x-forwarded-proto": "https",
      "x-forwarded-port": String(gateway.httpsPort),
      "x-real-ip": "127.0.0.1",
      forwarded: `for=127.0.0.1;host="${host}";proto=https`,
      via: "1.1 slipway",
    });
  });

  test("a host in one way of writing, whichever the client chose", async () => {
    expect(await seen({ host: "Shop.TEST." })).toMatchObject({ host: "shop.test", "x-forwarded-host": "shop.test" });
    await using session = await openHttp2(gateway, "shop.test");
    upstream.requests.length = 0;
    await askHttp2(session, { ":path": "/", ":authority": "Shop.TEST." });
    expect(upstream.requests[0]?.headers.host).toBe("shop.test");
  });

  test("443 when the client named no port", async () => {
    expect(await seen({ host: "shop.test" })).toMatchObject({ host: "shop.test", "x-forwarded-port": "443" });
  });

  test("nothing that a client forged", async () => {
    const headers = await seen(FORGED);
    expect(JSON.stringify(headers)).not.toMatch(/evil|203\.0\.113/);
    expect(headers["x-forwarded-proto"]).toBe("https");
  });

  test("nothing that a client forged over HTTP/2", async () => {
    await using session = await openHttp2(gateway, "shop.test");
    upstream.requests.length = 0;
    await askHttp2(session, { ":path": "/", ...FORGED });
    const headers = upstream.requests[0]?.headers ?? {};
    expect(JSON.stringify(headers)).not.toMatch(/evil|203\.0\.113/);
    expect(headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", via: "2 slipway" });
    expect(Object.keys(headers).filter((name) => name.startsWith(":"))).toEqual([]);
  });

  test("nothing that was for the client's connection alone", async () => {
    const headers = await seen({ connection: "close, X-Hop", "x-hop": "1", te: "trailers", "keep-alive": "timeout=1" });
    expect(headers).not.toHaveProperty("x-hop");
    expect(headers).not.toHaveProperty("te");
    expect(headers.connection).toBe("keep-alive");
  });

  test("of the proxies before", async () => {
    expect(await seen({ via: "1.1 other" })).toMatchObject({ via: "1.1 other, 1.1 slipway" });
  });

  test("an id, which the client is told too", async () => {
    upstream.requests.length = 0;
    const answer = await ask(gateway, "shop.test", "/");
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(upstream.requests[0]?.headers["x-request-id"]).toBe(answer.headers["x-request-id"]);
  });
});

describe("the trace", () => {
  const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

  test("of a client is continued", async () => {
    const headers = await seen({ traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`, tracestate: "vendor=1" });
    expect(headers.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
    expect(headers.tracestate).toBe("vendor=1");
  });

  test.each(["00-00000000000000000000000000000000-00f067aa0ba902b7-01", "nonsense", `ff-${TRACE_ID}-00f067aa0ba902b7-01`])(
    "begins anew when the client's is %s",
    async (traceparent) => {
      const headers = await seen({ traceparent, tracestate: "vendor=1" });
      expect(headers.traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/);
      expect(headers.traceparent).not.toContain(TRACE_ID);
      expect(headers).not.toHaveProperty("tracestate");
    },
  );

  test("of two requests without one is not the same", async () => {
    expect((await seen({})).traceparent).not.toBe((await seen({})).traceparent);
  });
});

describe("the client is told", () => {
  test("nothing that was for the target's connection alone", async () => {
    const { headers } = await ask(gateway, "shop.test", "/");
    expect(headers).not.toHaveProperty("x-secret-hop");
    expect(headers).not.toHaveProperty("proxy-authenticate");
  });

  test.each(["HTTP/1.1", "HTTP/2"])("every value of a repeated field over %s", async (version) => {
    await using session = await openHttp2(gateway, "shop.test");
    const answer = version === "HTTP/2" ? await askHttp2(session, { ":path": "/" }) : await ask(gateway, "shop.test", "/");
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  });
});
