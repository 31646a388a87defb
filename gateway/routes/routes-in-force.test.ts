import { afterAll, beforeAll, expect, test } from "vitest";
import { GATEWAY_SUBJECTS, type RoutesAnswer, type RoutesQuestion } from "#contracts/subjects.ts";
import { connectPlatform } from "#messaging/connect.ts";
import type { Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { RouteStore } from "./route-store.ts";
import { RouteTable } from "./route-table.ts";
import { answerWhetherInForce } from "./routes-in-force.ts";

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

const ask = (revision: number): Promise<RoutesAnswer> =>
  control.request<RoutesQuestion, RoutesAnswer>(GATEWAY_SUBJECTS.routesInForce, { revision });

test("who asks for a revision is answered when the table has it, and no sooner", async () => {
  const store = new RouteStore();
  await using _answers = answerWhetherInForce(gateway, store);
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
  await using _answers = answerWhetherInForce(gateway, new RouteStore());
  await gateway.flush();
  expect(await ask(1)).toEqual({ inForce: false });
});
