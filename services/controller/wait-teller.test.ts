import { expect, test } from "vitest";
import type { NewEvent } from "#messaging/platform.ts";
import { HEALTHCHECK, dependsOn, project, service } from "#services/state/testing/specs.ts";
import { decide } from "./decide.ts";
import { NODE, WorldInMemory } from "./testing/world-in-memory.ts";
import { WaitTeller } from "./wait-teller.ts";

const waits = (world: WorldInMemory) =>
  decide({ snapshot: world.snapshot, drained: world.drained, node: NODE, now: world.now }).waits;
const told = (events: readonly NewEvent[]): string[] =>
  events.map(({ subject, data }) => `${subject} ${String(data?.["gate"])}: ${String(data?.["detail"])}`);

function shop(): WorldInMemory {
  const world = new WorldInMemory();
  const web = service("web", { dependsOn: dependsOn("service_healthy", "db") });
  world.want(project("shop", [web, service("db", { healthcheck: HEALTHCHECK })]));
  world.settle();
  return world;
}

test("a wait is told once, again when its reason is another, and no more when it is over", async () => {
  const events: NewEvent[] = [];
  const world = shop();
  await using teller = new WaitTeller(
    async (event) => events.push(event),
    () => undefined,
  );
  teller.take(waits(world));
  teller.take(waits(world));
  world.report(["db"], { health: "unhealthy" });
  teller.take(waits(world));
  world.report(["db"]);
  teller.take(waits(world));
  await teller[Symbol.asyncDispose]();
  expect(told(events)).toEqual(["shop/web waiting: waits for db to be healthy", "shop/web failed: shop-db-1 is unhealthy"]);
});

test("a log that takes no events is said, and the next wait is told all the same", async () => {
  const events: NewEvent[] = [];
  const logged: string[] = [];
  let isAway = true;
  const append = async (event: NewEvent): Promise<void> => {
    if (isAway) throw new Error("away");
    events.push(event);
  };
  const world = shop();
  const teller = new WaitTeller(append, (message) => logged.push(message));
  teller.take(waits(world));
  await teller[Symbol.asyncDispose]();
  isAway = false;
  world.report(["db"], { health: "unhealthy" });
  teller.take(waits(world));
  await teller[Symbol.asyncDispose]();
  expect(logged).toEqual(["that shop/web waits for db to be healthy could not be told"]);
  expect(told(events)).toEqual(["shop/web failed: shop-db-1 is unhealthy"]);
});

test("nothing waits in a project that is being removed", () => {
  const world = shop();
  world.change("shop", { removal: { volumes: false } });
  expect(waits(world)).toEqual([]);
});
