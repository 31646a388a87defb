import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RouteTarget } from "#contracts/route.ts";
import { type Answer, ask, askHttp2, openHttp2 } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let silent: TestUpstream;
let breaking: TestUpstream;

beforeAll(async () => {
  gateway = await startGateway({ settings: { responseTimeoutMs: 100, maxOutstandingPerTarget: 1 } });
  silent = await startUpstream(() => undefined);
  breaking = await startUpstream((request) => request.socket.destroy());
  gateway.route("empty.test", "/", []);
  gateway.route("sick.test", "/", [silent.target("unhealthy"), silent.target("draining")]);
  gateway.route("silent.test", "/", [silent.target()]);
  gateway.route("breaking.test", "/", [breaking.target()]);
  gateway.route("gone.test", "/", [await closedTarget()]);
  gateway.route("paths.test", "/api", [silent.target()]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await silent[Symbol.asyncDispose]();
  await breaking[Symbol.asyncDispose]();
});

/** A port of loopback that nothing listens on. */
async function closedTarget(): Promise<RouteTarget> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return { instanceId: "0".repeat(12), address: "127.0.0.1", port, state: "ready" };
}

function problemOf(answer: Answer): Record<string, unknown> {
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  return JSON.parse(answer.body);
}

describe("the answer says what is wrong", () => {
  test.each([
    ["404 for a host that has no route", "nowhere.test", "/", 404, "SLIPWAY_GATEWAY_NO_ROUTE", "nowhere.test"],
    [
      "404 for a path that has no route",
      "paths.test",
      "/x",
      404,
      "SLIPWAY_GATEWAY_NO_ROUTE",
      "paths.test matches the path /x",
    ],
    ["502 for a target that refuses the connection", "gone.test", "/", 502, "SLIPWAY_GATEWAY_TARGET_UNREACHABLE", "accept"],
    ["502 for a target that breaks off", "breaking.test", "/", 502, "SLIPWAY_GATEWAY_TARGET_BROKE", "closed"],
    ["503 for a service without an instance", "empty.test", "/", 503, "SLIPWAY_GATEWAY_NO_INSTANCE", "no instance"],
    [
      "503 for a service without a ready one",
      "sick.test",
      "/",
      503,
      "SLIPWAY_GATEWAY_NO_INSTANCE",
      "1 unhealthy, 1 draining",
    ],
    [
      "504 for a target that does not answer",
      "silent.test",
      "/",
      504,
      "SLIPWAY_GATEWAY_TARGET_TIMEOUT",
      "100 milliseconds",
    ],
  ])("%s", async (_title, host, path, status, code, detail) => {
    const answer = await ask(gateway, host, path, { rejectUnauthorized: host !== "nowhere.test" });
    expect(answer.status).toBe(status);
    expect(problemOf(answer)).toMatchObject({ status, code });
    expect(problemOf(answer)["detail"]).toContain(detail);
    expect(answer.headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
  });
});

test("503 says so when the service has all the requests it may have", async () => {
  const held = ask(gateway, "silent.test", "/").catch(() => undefined);
  await once(silent.server, "request");
  const answer = await ask(gateway, "silent.test", "/");
  expect(problemOf(answer)).toMatchObject({ status: 503, code: "SLIPWAY_GATEWAY_OVERLOADED" });
  await held;
});

test("a gateway that knows no routes yet says so, not that there is no such page", async () => {
  await using starting = await startGateway();
  const answer = await ask(starting, "shop.test", "/", { rejectUnauthorized: false });
  expect(problemOf(answer)).toMatchObject({ status: 503, code: "SLIPWAY_GATEWAY_STARTING" });
});

test("a browser gets a page, in which what it sent is text", async () => {
  const path = "/<script>alert(1)</script>&x";
  const answer = await ask(gateway, "paths.test", path, { headers: { accept: "text/html,*/*;q=0.8" } });
  expect(answer.status).toBe(404);
  expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(answer.body).toContain("SLIPWAY_GATEWAY_NO_ROUTE");
  expect(answer.body).toContain("&#60;script&#62;");
  expect(answer.body).not.toContain("<script>");
});

test("a page names the request by the id in its header", async () => {
  const answer = await ask(gateway, "paths.test", "/");
  expect(problemOf(answer)["requestId"]).toBe(answer.headers["x-request-id"]);
});

test("HEAD gets the status and no body, over both versions", async () => {
  await using session = await openHttp2(gateway, "paths.test");
  expect(await ask(gateway, "paths.test", "/", { method: "HEAD" })).toMatchObject({ status: 404, body: "" });
  expect(await askHttp2(session, { ":path": "/", ":method": "HEAD" })).toMatchObject({ status: 404, body: "" });
});

test("HTTP/2 gets the same page", async () => {
  await using session = await openHttp2(gateway, "gone.test");
  const answer = await askHttp2(session, { ":path": "/" });
  expect(problemOf(answer)).toMatchObject({ status: 502, code: "SLIPWAY_GATEWAY_TARGET_UNREACHABLE" });
});

test("neither page nor problem tells a target's address", async () => {
  for (const host of ["gone.test", "breaking.test", "silent.test"]) {
    expect((await ask(gateway, host, "/")).body).not.toContain("127.0.0.1");
  }
});

test("the log names the cause and the request id of what the gateway could not answer", async () => {
  const answer = await ask(gateway, "gone.test", "/");
  const entry = gateway.logged.find((one) => one.fields["requestId"] === answer.headers["x-request-id"]);
  expect(entry?.fields["error"]).toContain("ECONNREFUSED");
});
