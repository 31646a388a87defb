import { afterAll, beforeAll, expect, test } from "vitest";
import { GATEWAY_SUBJECTS, type RoutesAnswer, type RoutesQuestion } from "#contracts/subjects.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { orAborted } from "#messaging/connection/or-aborted.ts";
import type { Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { RouteStore } from "./route-store.ts";
import { RouteTable } from "./route-table.ts";
import { answerWhetherInForce, type UntilIdle } from "./routes-in-force.ts";

let server: ScratchServer;
let gateway: Platform;
let control: Platform;
beforeAll(async () => {
  server = await ScratchServer.start();
  gateway = await connectPlatform(server.as("gateway"));
  control = await connectPlatform(server.as("control"));
});
afterAll(async () => {
  await control[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const ask = (revision: number, instanceId?: string): Promise<RoutesAnswer> =>
  control.request<RoutesQuestion, RoutesAnswer>(GATEWAY_SUBJECTS.routesInForce, {
    revision,
    ...(instanceId === undefined ? {} : { instanceId }),
  });

const neverIdle: UntilIdle = (_instanceId, signal) => orAborted(Promise.withResolvers<void>().promise, signal);

test("who asks for a revision is answered when the table has it, and no sooner", async () => {
  const store = new RouteStore();
  await using _answers = answerWhetherInForce(gateway, store, neverIdle);
  await gateway.flush();
  store.replace(RouteTable.empty, "live", 6);
  const order: string[] = [];
  const later = ask(7).then((answer) => order.push(`7: ${answer.inForce}`));
  await ask(6).then((answer) => order.push(`6: ${answer.inForce}`));
  store.replace(RouteTable.empty, "live", 7);
  await later;
  expect(order).toEqual(["6: true", "7: true"]);
});

test("a revision that does not come is said not to be in force", async () => {
  await using _answers = answerWhetherInForce(gateway, new RouteStore(), neverIdle);
  await gateway.flush();
  expect(await ask(1)).toEqual({ inForce: false });
});

test("who asks for an instance is answered when its last request has ended, which is looked at when the routes are there", async () => {
  const store = new RouteStore();
  const busy = Promise.withResolvers<void>();
  const order: string[] = [];
  await using _answers = answerWhetherInForce(gateway, store, async (instanceId) => {
    order.push(`${instanceId} at ${store.revision}`);
    busy.resolve();
    await ended.promise;
  });
  const ended = Promise.withResolvers<void>();
  await gateway.flush();
  store.replace(RouteTable.empty, "live", 6);
  const answer = ask(7, "i1").then(({ inForce }) => order.push(`said: ${inForce}`));
  await ask(6);
  store.replace(RouteTable.empty, "live", 7);
  await busy.promise;
  await ask(7);
  order.push("ended");
  ended.resolve();
  await answer;
  expect(order).toEqual(["i1 at 7", "ended", "said: true"]);
});

test("an instance that does not fall idle is said not to be", async () => {
  const store = new RouteStore();
  store.replace(RouteTable.empty, "live", 1);
  await using _answers = answerWhetherInForce(gateway, store, neverIdle);
  await gateway.flush();
  expect(await ask(1, "i1")).toEqual({ inForce: false });
});
