import { expect, test } from "vitest";
import { QueryFloods } from "./query-floods.ts";

test("a flood of name queries is told once, and again when it still goes on after a minute or comes from another", () => {
  const told: string[] = [];
  let now = 5;
  const floods = new QueryFloods({ append: ({ type, subject }) => void told.push(`${type} ${subject}`) }, () => now);
  const from = (instanceName: string) => ({
    network: "shop_default",
    project: "shop",
    service: "web",
    instanceId: `id of ${instanceName}`,
    instanceName,
    aliases: [],
    address: "10.83.1.2",
    ports: [],
    healthy: true,
  });
  for (const at of [5, 6, 60_000, 60_006]) {
    now = at;
    for (let count = 0; count < 100; count++) floods.turnedAway(from("shop-web-1"));
  }
  floods.turnedAway(from("shop-web-2"));
  floods.forget("id of shop-web-2");
  floods.turnedAway(from("shop-web-2"));
  const event = (name: string): string => `instance.queries-throttled shop/web/${name}`;
  expect(told).toEqual(["shop-web-1", "shop-web-1", "shop-web-2", "shop-web-2"].map(event));
});
