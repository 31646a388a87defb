import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RouteTarget } from "#contracts/route.ts";
import { ask } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let good: TestUpstream;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  gateway = stack.use(await startGateway({ settings: { avoidMs: 0, connectTimeoutMs: 200 } }));
  good = stack.use(await startUpstream((_request, response) => void response.end("good")));
});

afterEach(() => stack.disposeAsync());

async function refusing(): Promise<RouteTarget> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return { instanceId: "0".repeat(12), address: "127.0.0.1", port, state: "ready" };
}

/** A target that closes each connection when its request has arrived. */
async function breaking(): Promise<RouteTarget> {
  return stack.use(await startUpstream((request) => request.socket.destroy())).target();
}

describe("a target that fails before it answers", () => {
  test.each([
    ["refuses connections", refusing],
    ["breaks off", breaking],
  ])("and %s is replaced by another for safe requests", async (_title, bad) => {
    gateway.route("shop.test", "/", [await bad(), good.target()]);
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      for (let round = 0; round < 3; round += 1) {
        expect(await ask(gateway, "shop.test", "/", { method })).toMatchObject({ status: 200 });
      }
    }
    expect(good.requests).toHaveLength(9);
  });

  test("is not replaced for a request that another target might carry out twice", async () => {
    gateway.route("shop.test", "/", [await breaking(), good.target()]);
    const statuses = [];
    for (let round = 0; round < 4; round += 1) {
      statuses.push((await ask(gateway, "shop.test", "/", { method: "POST" })).status);
    }
    expect(statuses).toEqual([502, 200, 502, 200]);
  });

  test("is not replaced for a safe request with a body, which cannot be sent again", async () => {
    gateway.route("shop.test", "/", [await breaking(), good.target()]);
    expect(
      await ask(gateway, "shop.test", "/", { method: "GET", body: "x", headers: { "content-length": 1 } }),
    ).toMatchObject({
      status: 502,
    });
  });

  test("is tried so many times and no more", async () => {
    const bad = await Promise.all([breaking(), breaking(), breaking(), breaking()]);
    gateway.route("shop.test", "/", bad);
    expect(await ask(gateway, "shop.test", "/")).toMatchObject({ status: 502 });
  });
});

test("a target that does not take the connection in time counts as refusing it", async () => {
  // TEST-NET-1 (RFC 5737): nobody answers there.
  const target: RouteTarget = { instanceId: "f".repeat(12), address: "192.0.2.1", port: 80, state: "ready" };
  gateway.route("shop.test", "/", [target]);
  const answer = await ask(gateway, "shop.test", "/");
  expect(JSON.parse(answer.body)).toMatchObject({ status: 502, code: "SLIPWAY_GATEWAY_TARGET_UNREACHABLE" });
});

test("a kept connection that the target closed does not fail the next request", async () => {
  gateway.route("shop.test", "/", [good.target()]);
  for (let round = 0; round < 5; round += 1) {
    expect(await ask(gateway, "shop.test", "/")).toMatchObject({ status: 200 });
    good.server.closeIdleConnections();
  }
});

test("a target that is passed over after it refused a connection leaves unsafe requests alone", async () => {
  await using careful = await startGateway({ settings: { avoidMs: 60_000 } });
  careful.route("shop.test", "/", [await refusing(), good.target()]);
  expect(await ask(careful, "shop.test", "/")).toMatchObject({ status: 200 });
  for (let round = 0; round < 4; round += 1) {
    expect(await ask(careful, "shop.test", "/", { method: "POST" })).toMatchObject({ status: 200 });
  }
});
