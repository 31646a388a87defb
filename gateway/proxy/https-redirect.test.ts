import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
  gateway.route("shop.test", "/", []);
});

afterAll(() => gateway[Symbol.asyncDispose]());

async function get(port: number, host: string, path: string, method = "GET"): Promise<IncomingMessage> {
  const request = httpRequest({ host: "127.0.0.1", port, path, method, headers: { host }, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response;
}

test.each(["GET", "POST"])("%s over HTTP is sent to the same address over HTTPS", async (method) => {
  const response = await get(gateway.httpPort, "Shop.test:8080", "/a/b?c=d&e", method);
  expect(response.statusCode).toBe(308);
  expect(response.headers.location).toBe(`https://shop.test:${gateway.httpsPort}/a/b?c=d&e`);
});

test("the port is left out when clients see 443", async () => {
  await using other = await startGateway({ publicHttpsPort: 443 });
  other.route("shop.test", "/", []);
  expect((await get(other.httpPort, "shop.test", "/")).headers.location).toBe("https://shop.test/");
});

test("a host without a route is told so, not sent on", async () => {
  expect((await get(gateway.httpPort, "evil.test", "/")).statusCode).toBe(404);
});

test("a path that a browser would take for a host stays a path", async () => {
  const response = await get(gateway.httpPort, "shop.test", "//evil.test/x");
  expect(response.headers.location).toBe(`https://shop.test:${gateway.httpsPort}//evil.test/x`);
});

test("a WebSocket handshake over HTTP is sent on as well", async () => {
  const headers = { host: "shop.test", connection: "Upgrade", upgrade: "websocket" };
  const request = httpRequest({ host: "127.0.0.1", port: gateway.httpPort, headers, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(308);
});
