import { Agent } from "node:https";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ask, askHttp2, openHttp2 } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  gateway = stack.use(await startGateway({ settings: { targetDrainMs: 200 } }));
});

afterEach(() => stack.disposeAsync());

const startEcho = (name: string): Promise<TestUpstream> =>
  startUpstream((request, response) => {
    request.resume();
    request.on("end", () => setImmediate(() => response.end(name)));
  });

/** Requests by several clients at once until told to stop; resolves with how many each status had. */
function load(clients: number, signal: AbortSignal, one: (index: number) => Promise<number>): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const client = async (index: number): Promise<void> => {
    while (!signal.aborted) {
      const status = await one(index);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  return Promise.all(Array.from({ length: clients }, (_, index) => client(index))).then(() => statuses);
}

describe("while instances are replaced one by one", () => {
  test.each(["HTTP/1.1", "HTTP/2"])("no request over %s fails, whatever its method", async (version) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    stack.defer(() => agent.destroy());
    const running = [await startEcho("0"), await startEcho("1")];
    const show = (): void =>
      gateway.route(
        "shop.test",
        "/",
        running.map((one) => one.target()),
      );
    show();
    await using session = await openHttp2(gateway, "shop.test");
    const stop = new AbortController();
    const methods = ["GET", "POST", "PUT"];
    const done = load(6, stop.signal, async (index) => {
      const method = methods[index % methods.length] ?? "GET";
      const body = method === "GET" ? undefined : "body";
      const { status } =
        version === "HTTP/1.1"
          ? await ask(gateway, "shop.test", "/", { method, agent, ...(body !== undefined && { body }) })
          : await askHttp2(session, { ":path": "/", ":method": method }, body);
      return status;
    });
    for (let generation = 2; generation < 8; generation += 1) {
      const fresh = await startEcho(String(generation));
      running.push(fresh);
      show();
      for (let count = 0; count < 10; count += 1) await once(fresh.server, "request");
      const old = running.shift() as TestUpstream;
      gateway.route("shop.test", "/", [old.target("draining"), ...running.map((one) => one.target())]);
      await vi.waitFor(() => expect(gateway.outstandingAt(old.target().instanceId)).toBe(0), { interval: 1 });
      show();
      await old.kill();
    }
    stop.abort();
    const statuses = await done;
    expect([...statuses.keys()]).toEqual([200]);
    expect(statuses.get(200)).toBeGreaterThan(50);
    for (const one of running) await one.kill();
  });

  test("no safe request fails even when an instance is killed under load", async () => {
    const last = stack.use(await startEcho("2"));
    const running = [await startEcho("0"), await startEcho("1"), last];
    gateway.route(
      "shop.test",
      "/",
      running.map((one) => one.target()),
    );
    await using session = await openHttp2(gateway, "shop.test");
    const stop = new AbortController();
    const done = load(6, stop.signal, async () => (await askHttp2(session, { ":path": "/" })).status);
    for (const victim of running.slice(0, 2)) {
      await once(victim.server, "request");
      await victim.kill();
      await once(last.server, "request");
    }
    stop.abort();
    expect([...(await done).keys()]).toEqual([200]);
  });
});

describe("a request at a target that is removed", () => {
  test("ends when it ends, if that is before the deadline", async () => {
    const slow = stack.use(
      await startUpstream((_request, response) => void slow.server.once("answer", () => response.end("done"))),
    );
    gateway.route("shop.test", "/", [slow.target()]);
    const answer = ask(gateway, "shop.test", "/");
    await once(slow.server, "request");
    gateway.removeRoute("shop.test", "/");
    gateway.route("shop.test", "/", []);
    slow.server.emit("answer");
    expect(await answer).toMatchObject({ status: 200, body: "done" });
  });

  test("is ended at the deadline, and told why", async () => {
    const slow = stack.use(await startUpstream(() => undefined));
    gateway.route("shop.test", "/", [slow.target()]);
    const answer = ask(gateway, "shop.test", "/");
    await once(slow.server, "request");
    gateway.route("shop.test", "/", [slow.target("draining")]);
    const { status, body } = await answer;
    expect(status).toBe(502);
    expect(JSON.parse(body)).toMatchObject({ code: "SLIPWAY_GATEWAY_TARGET_REMOVED" });
    expect(body).toContain("200 milliseconds");
  });

  test("is cancelled at the target too", async () => {
    const slow = stack.use(await startUpstream((request) => request.once("close", () => slow.server.emit("cancelled"))));
    gateway.route("shop.test", "/", [slow.target()]);
    const answer = ask(gateway, "shop.test", "/");
    await once(slow.server, "request");
    const cancelled = once(slow.server, "cancelled");
    gateway.route("shop.test", "/", [slow.target("draining")]);
    await expect(cancelled).resolves.toBeDefined();
    await answer;
  });
});
