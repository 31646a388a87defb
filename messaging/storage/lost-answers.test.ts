import { afterAll, beforeAll, expect, test } from "vitest";
import { connectPlatform } from "../connect.ts";
import type { Platform } from "../platform.ts";
import { FaultyProxy } from "../testing/faulty-proxy.ts";
import { describeChange, memoBucket } from "../testing/memo.ts";
import { ScratchServer } from "../testing/scratch-server.ts";

let server: ScratchServer;
let observer: Platform;

beforeAll(async () => {
  server = await ScratchServer.start();
  observer = await connectPlatform(server.as("control"));
});
afterAll(async () => {
  await observer[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("a fenced write whose answer was lost is not refused by itself when it is repeated", async () => {
  await using proxy = await FaultyProxy.start(server.url);
  await using platform = await connectPlatform({ ...server.as("control"), url: proxy.url });
  const bucket = await platform.bucket(memoBucket("unanswered"));
  const observed = await observer.bucket(memoBucket("unanswered"));
  const first = await bucket.update("k", { text: "1" }, 0);
  proxy.loseAnswers();
  const writing = bucket.update("k", { text: "2" }, first);
  const { signal } = new AbortController();
  for await (const change of observed.watch({ signal })) {
    if (change.type === "put" && change.value.text === "2") break;
  }
  proxy.cut();
  const revision = await writing;
  expect(await observed.get("k")).toEqual({ key: "k", value: { text: "2" }, revision });
});

test("an event whose answer was lost is in the log once", async () => {
  await using proxy = await FaultyProxy.start(server.url);
  await using platform = await connectPlatform({ ...server.as("control"), url: proxy.url });
  await platform.events.cursor();
  const before = await observer.events.cursor();
  proxy.loseAnswers();
  const appending = platform.events.append({ type: "node.started", source: "/test", subject: "n1" });
  const { signal } = new AbortController();
  for await (const _event of observer.events.read({ since: before, follow: true, signal })) break;
  proxy.cut();
  expect(await appending).toBe(before + 1);
  expect(await observer.events.cursor()).toBe(before + 1);
});

test("a watch and a follower that begin while answers are lost begin when they come again", async () => {
  await using proxy = await FaultyProxy.start(server.url);
  await using platform = await connectPlatform({ ...server.as("control"), url: proxy.url });
  const bucket = await platform.bucket(memoBucket("late"));
  await bucket.put("k", { text: "1" });
  await platform.events.cursor();
  const { signal } = new AbortController();
  proxy.loseAnswers();
  const watching = (async () => {
    for await (const change of bucket.watch({ signal })) return describeChange(change);
    return "ended";
  })();
  const following = (async () => {
    for await (const { event } of platform.events.read({ follow: true, signal })) return event.subject;
    return "ended";
  })();
  await Promise.all([proxy.said("STREAM.INFO.KV_late", 2), proxy.said("CONSUMER.CREATE.SLIPWAY_EVENTS", 2)]);
  proxy.cut();
  expect(await Promise.all([watching, following])).toEqual(["k=1", "n1"]);
});
