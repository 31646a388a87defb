import { afterAll, beforeAll, expect, test } from "vitest";
import { defineErrors } from "#contracts/slipway-error.ts";
import { connectPlatform } from "../connect.ts";
import type { Platform } from "../platform.ts";
import { locateNatsServer } from "../nats-server/locate.ts";
import { prepareNatsServer } from "../nats-server/prepare.ts";
import { startNatsServer } from "../nats-server/start.ts";
import { FaultyProxy } from "../testing/faulty-proxy.ts";
import { ScratchServer } from "../testing/scratch-server.ts";

let server: ScratchServer;
let control: Platform;
let agent: Platform;
const logged: string[] = [];
const log = (line: string): void => void logged.push(line);
const shopError = defineErrors({ SLIPWAY_SHOP_SHUT: { status: 409, exitCode: 3, remedy: "Come back tomorrow." } });

beforeAll(async () => {
  server = await ScratchServer.start();
  control = await connectPlatform({ ...server.as("control"), log });
  agent = await connectPlatform({ ...server.as("agent"), log });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("a request gets its handler's answer, across processes of the platform", async () => {
  await using _serving = agent.serve("slipway.node.n1.plan", async (request: { id: string }) => ({
    id: request.id,
    steps: [1, 2],
  }));
  await agent.flush();
  expect(await control.request("slipway.node.n1.plan", { id: "x" })).toEqual({ id: "x", steps: [1, 2] });
});

test("an answer may be nothing", async () => {
  await using _serving = agent.serve("slipway.node.n1.signal", async () => undefined);
  await agent.flush();
  expect(await control.request("slipway.node.n1.signal", {})).toBeUndefined();
});

test("a handler's SlipwayError comes back whole", async () => {
  await using _serving = agent.serve("slipway.node.n1.doctor", async () => {
    throw shopError("SLIPWAY_SHOP_SHUT", "the shop is shut", { place: { file: "compose.yaml", line: 3 } });
  });
  await agent.flush();
  await expect(control.request("slipway.node.n1.doctor", {})).rejects.toMatchObject({
    code: "SLIPWAY_SHOP_SHUT",
    message: "the shop is shut",
    status: 409,
    exitCode: 3,
    remedy: "Come back tomorrow.",
    place: { file: "compose.yaml", line: 3 },
  });
});

test("an error that nobody foresaw comes back as ours, and is logged where it happened", async () => {
  await using _serving = agent.serve("slipway.node.n1.doctor", async () => {
    throw new TypeError("x is not a function");
  });
  await agent.flush();
  await expect(control.request("slipway.node.n1.doctor", {})).rejects.toMatchObject({ code: "SLIPWAY_INTERNAL" });
  expect(logged.join("\n")).toContain("calls.test.ts");
});

test("nobody there is told at once", async () => {
  await expect(control.request("slipway.node.nowhere.plan", {}, { timeoutMs: 10_000 })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_NO_RESPONDER",
    message: expect.stringContaining("slipway.node.nowhere.plan"),
  });
});

test("silence ends with the time limit, and the handler hears of it", async () => {
  const ended = Promise.withResolvers<void>();
  await using _serving = agent.serve("slipway.node.n1.plan", async (_request, { signal }) => {
    signal.addEventListener("abort", () => ended.resolve());
    await ended.promise;
  });
  await agent.flush();
  await expect(control.request("slipway.node.n1.plan", {}, { timeoutMs: 150 })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_TIMEOUT",
    message: expect.stringContaining("150 milliseconds"),
  });
  await ended.promise;
});

test("the caller's signal ends the wait with its reason", async () => {
  const asked = Promise.withResolvers<void>();
  await using _serving = agent.serve("slipway.node.n1.plan", async (_request, { signal }) => {
    asked.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  await agent.flush();
  const ending = new AbortController();
  const answer = control.request("slipway.node.n1.plan", {}, { signal: ending.signal });
  await asked.promise;
  ending.abort(new Error("changed my mind"));
  await expect(answer).rejects.toThrow("changed my mind");
});

test("servers of one queue share the requests", async () => {
  const served: string[] = [];
  const by = (name: string) => async () => void served.push(name);
  await using _first = agent.serve("slipway.node.n1.plan", by("first"), { queue: "plans" });
  await using _second = agent.serve("slipway.node.n1.plan", by("second"), { queue: "plans" });
  await agent.flush();
  for (let n = 0; n < 40; n++) await control.request("slipway.node.n1.plan", {});
  expect(served).toHaveLength(40);
  expect(new Set(served).size).toBe(2);
});

test("a server that closes tells who waits, and nobody answers after it", async () => {
  const asked = Promise.withResolvers<void>();
  const serving = agent.serve("slipway.node.n1.plan", async (_request, { signal }) => {
    asked.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    signal.throwIfAborted();
  });
  await agent.flush();
  const answer = control.request("slipway.node.n1.plan", {});
  await asked.promise;
  await serving[Symbol.asyncDispose]();
  await expect(answer).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_UNAVAILABLE" });
  await agent.flush();
  await expect(control.request("slipway.node.n1.plan", {})).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_NO_RESPONDER",
  });
});

test("an answer that is too large is an error, not a lost connection", async () => {
  await using _serving = agent.serve("slipway.node.n1.plan", async () => "x".repeat(5_000_000));
  await agent.flush();
  await expect(control.request("slipway.node.n1.plan", {})).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_TOO_LARGE" });
});

test("an agent cannot ask another agent", async () => {
  await using _serving = control.serve("slipway.node.n2.plan", async () => 1);
  await control.flush();
  await expect(agent.request("slipway.node.n2.plan", {}, { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_DENIED",
  });
});

test("a request that the server's crash cuts off fails at once, and serving goes on afterwards", async () => {
  const asked = Promise.withResolvers<void>();
  await using _serving = agent.serve("slipway.node.n1.plan", async (request: { wait: boolean }, { signal }) => {
    asked.resolve();
    if (request.wait) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return "served";
  });
  await agent.flush();
  const answer = control.request("slipway.node.n1.plan", { wait: true }, { timeoutMs: 3_000 });
  await asked.promise;
  const [outcome] = await Promise.all([Promise.allSettled([answer]), server.crash()]);
  expect(outcome[0]).toMatchObject({ status: "rejected", reason: { code: "SLIPWAY_MESSAGING_UNAVAILABLE" } });
  await server.startAgain();
  await Promise.all([agent.flush(), control.flush()]);
  expect(await control.request("slipway.node.n1.plan", { wait: false })).toBe("served");
});

test("refused credentials are an error at once, a server that is not there is waited for", async () => {
  await using other = await ScratchServer.start();
  await expect(connectPlatform({ ...other.as("control"), url: server.url })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_DENIED",
  });
  await other.stop();
  const ending = new AbortController();
  const waiting = connectPlatform({ ...other.as("control"), signal: ending.signal });
  await other.startAgain();
  await using platform = await waiting;
  expect(await platform.events.cursor()).toBe(0);
});

test("status tells of the connection, of its loss and of its return", async () => {
  const ending = new AbortController();
  const told: string[] = [];
  for await (const { type } of control.status(ending.signal)) {
    told.push(type);
    if (type === "connected") await server.crash();
    if (type === "disconnected") await server.startAgain();
    if (type === "reconnected") ending.abort();
  }
  expect(told).toEqual(["connected", "disconnected", "reconnected"]);
});

test("a time in which the server refuses the credentials does not end the connection", async () => {
  await using proxy = await FaultyProxy.start(server.url);
  await using foreign = await ScratchServer.start();
  await using platform = await connectPlatform({ ...server.as("control"), url: proxy.url, log });
  await Promise.all([server.stop(), foreign.stop()]);
  const refusing = proxy.said("CONNECT ", 3);
  const port = Number(new URL(server.url).port);
  const binary = await locateNatsServer();
  const prepared = await prepareNatsServer({ home: foreign.home, listenAddress: "127.0.0.1", port, binary });
  await using impostor = await startNatsServer(prepared);
  await refusing;
  await impostor[Symbol.asyncDispose]();
  await server.startAgain();
  await platform.flush();
});

test("a server that wants its requests undecoded gets their bytes, whatever they are", async () => {
  const got: string[] = [];
  const handler = async (bytes: Uint8Array): Promise<object> => {
    got.push(Buffer.from(bytes).toString());
    return {};
  };
  await using _serving = agent.serve("slipway.node.n1.doctor", handler, { undecoded: true });
  await agent.flush();
  expect(await control.request("slipway.node.n1.doctor", { spans: [1] })).toEqual({});
  expect(got).toEqual(['{"spans":[1]}']);
});
