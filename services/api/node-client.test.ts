import { afterAll, beforeAll, expect, it } from "vitest";
import { type ServedApi, serveApi } from "./testing/served-api.ts";

let served: ServedApi;
beforeAll(async () => {
  served = await serveApi();
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
});

it("waits for an agent that is about to be back", async () => {
  const asked = served.client.get("/doctor");
  await using _agent = await served.answer("doctor", async () => []);
  expect(await asked).toEqual([]);
});
