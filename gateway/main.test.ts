import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BUCKETS, routeKey } from "#contracts/buckets.ts";
import type { RouteEntry } from "#contracts/route.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { readCaCertificate } from "./certificates/certificate-authority.ts";
import { type Answer, ask } from "./testing/clients.ts";
import { type GatewayProcess, type HeldListeners, holdListeners, spawnGateway } from "./testing/gateway-process.ts";
import { startUpstream, type TestUpstream } from "./testing/start-upstream.ts";

let home: string;
let listeners: HeldListeners;
let upstream: TestUpstream;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  home = await mkdtemp(join(tmpdir(), "slipway-gateway-"));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  listeners = stack.use(holdListeners());
  upstream = stack.use(
    await startUpstream((request, response) => {
      if (request.url === "/slow") upstream.server.once("answer", () => response.end("slow"));
      else response.end("ok");
    }),
  );
});

afterEach(() => stack.disposeAsync());

const routeTo = (host: string): RouteEntry => ({
  host,
  path: "/",
  project: "p",
  service: "s",
  targets: [upstream.target()],
});

async function get(host: string, path = "/", agent?: Agent): Promise<Answer> {
  const ca = await readCaCertificate(home);
  return ask({ httpsPort: listeners.httpsPort, ca }, host, path, agent === undefined ? {} : { agent });
}

function start(environment: Record<string, string> = {}): GatewayProcess {
  return stack.use(spawnGateway(home, environment, listeners));
}

const cache = (...entries: RouteEntry[]): Promise<void> =>
  writeFile(join(home, "gateway-routes.json"), JSON.stringify(entries));

test("a gateway follows the routes of the platform, and serves on while the messaging server is away", async () => {
  const server = stack.use(await ScratchServer.start());
  const control = stack.use(await connectPlatform(server.as("control")));
  const { url, credsFile } = server.as("gateway");
  const gateway = start({ NATS_URL: url, NATS_CREDS: credsFile });
  await gateway.ready;
  const bucket = await control.bucket(BUCKETS.routes);
  await bucket.put(routeKey("a.test", "/"), routeTo("a.test"));
  await vi.waitFor(async () => expect(await get("a.test")).toMatchObject({ status: 200, body: "ok" }), { timeout: 5_000 });
  await server.crash();
  expect(await get("a.test")).toMatchObject({ status: 200 });
  await server.startAgain();
  await bucket.put(routeKey("b.test", "/"), routeTo("b.test"));
  await vi.waitFor(async () => expect(await get("b.test")).toMatchObject({ status: 200 }), { timeout: 10_000 });
});

test("a gateway that starts while the messaging server is away serves the routes that the last one knew", async () => {
  await cache(routeTo("a.test"));
  await writeFile(join(home, "gateway.creds"), "not read before a server is there");
  const gateway = start({ NATS_URL: "nats://127.0.0.1:9", NATS_CREDS: join(home, "gateway.creds") });
  await gateway.ready;
  expect(await get("a.test")).toMatchObject({ status: 200 });
});

test("SIGTERM lets requests end, closes kept connections and exits with 0", async () => {
  await cache(routeTo("a.test"));
  const gateway = start();
  await gateway.ready;
  const agent = new Agent({ keepAlive: true });
  await get("a.test", "/", agent);
  const slow = get("a.test", "/slow");
  await once(upstream.server, "request");
  gateway.child.kill("SIGTERM");
  await vi.waitFor(() => expect(gateway.log()).toContain("drains"));
  upstream.server.emit("answer");
  expect(await slow).toMatchObject({ status: 200, body: "slow" });
  expect(await gateway.ended).toBe(0);
  agent.destroy();
});

test("connections made while no gateway runs wait, and the next gateway answers them", async () => {
  await cache(routeTo("a.test"));
  const first = start();
  await first.ready;
  expect(await get("a.test")).toMatchObject({ status: 200 });
  first.child.kill("SIGKILL");
  expect(await first.ended).toBe("SIGKILL");
  const waiting = get("a.test");
  const second = start();
  expect(await waiting).toMatchObject({ status: 200 });
  await second.ready;
});

test("two gateways on the same sockets share a CA and the connections", async () => {
  await cache(routeTo("a.test"));
  const gateways = [start(), start()];
  await Promise.all(gateways.map((gateway) => gateway.ready));
  const answers = await Promise.all(Array.from({ length: 20 }, () => get("a.test")));
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 200));
});

test.each([
  ["a home that is no path", { SLIPWAY_HOME: "here" }, "SLIPWAY_HOME"],
  ["a port that is none", { SLIPWAY_HTTPS_FD: "", SLIPWAY_HTTPS_PORT: "https" }, "SLIPWAY_HTTPS_PORT"],
  ["no socket and no port", { SLIPWAY_HTTP_FD: "" }, "SLIPWAY_HTTP_PORT"],
  ["credentials that are missing", { NATS_URL: "nats://127.0.0.1:4222" }, "NATS_CREDS"],
])("%s ends it with 1 and the variable's name", async (_title, environment, name) => {
  const gateway = start(environment);
  expect(await gateway.ended).toBe(1);
  expect(JSON.parse(gateway.log())).toMatchObject({ code: "SLIPWAY_GATEWAY_CONFIGURATION", level: "error" });
  expect(gateway.log()).toContain(name);
});

test.each(["HTTP", "HTTPS"])("a port for %s that is taken ends it with 1 and the port's number", async (protocol) => {
  const port = String(upstream.port);
  const gateway = start({ [`SLIPWAY_${protocol}_FD`]: "", [`SLIPWAY_${protocol}_PORT`]: port });
  expect(await gateway.ended).toBe(1);
  expect(gateway.log()).toContain(`cannot listen on port ${port}: listen EADDRINUSE`);
});
