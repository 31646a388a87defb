import { afterAll, beforeAll, expect, test } from "vitest";
import { connectPlatform } from "../connect.ts";
import type { NewEvent, Platform } from "../platform.ts";
import { ScratchServer } from "../testing/scratch-server.ts";

let server: ScratchServer;
let platform: Platform;

beforeAll(async () => {
  server = await ScratchServer.start();
  platform = await connectPlatform(server.as("control"));
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const started = (instance: string, project = "shop"): NewEvent => ({
  type: "instance.started",
  source: "/nodes/n1/agent",
  subject: `${project}/web/${instance}`,
  project,
  data: { pid: 7 },
});

async function read(options: { since?: number | Date; project?: string }): Promise<string[]> {
  const { signal } = new AbortController();
  const subjects: string[] = [];
  for await (const { event } of platform.events.read({ ...options, signal })) subjects.push(event.subject);
  return subjects;
}

test("an event is read back as a CloudEvent, under the cursor that its append returned", async () => {
  const before = await platform.events.cursor();
  const cursor = await platform.events.append(started("web-1"));
  expect(cursor).toBe(before + 1);
  expect(await platform.events.cursor()).toBe(cursor);
  const { signal } = new AbortController();
  for await (const recorded of platform.events.read({ since: before, signal })) {
    expect(recorded.cursor).toBe(cursor);
    expect(recorded.event).toMatchObject({
      specversion: "1.0",
      type: "dev.slipway.instance.started",
      source: "/nodes/n1/agent",
      subject: "shop/web/web-1",
      data: { pid: 7 },
    });
    expect(Date.parse(recorded.event.time)).toBeLessThanOrEqual(Date.now());
  }
});

test("a read begins after a cursor or at a time, and takes one project alone", async () => {
  const cursor = await platform.events.append(started("one", "a"));
  await platform.events.append(started("two", "b"));
  await platform.events.append({ type: "node.started", source: "/nodes/n1/agent", subject: "n1" });
  const stored = Date.now();
  // Events have nanoseconds, the time to read from milliseconds.
  while (Date.now() <= stored) await platform.flush();
  const time = new Date();
  await platform.events.append(started("three", "a"));
  expect(await read({ since: cursor })).toEqual(["b/web/two", "n1", "a/web/three"]);
  expect(await read({ project: "a" })).toEqual(["a/web/one", "a/web/three"]);
  expect(await read({ since: time })).toEqual(["a/web/three"]);
  expect(await read({ since: await platform.events.cursor() })).toEqual([]);
});

test("a follower gets what is there and what comes, over kill -9 of the server, once and in order", async () => {
  const before = await platform.events.cursor();
  const ending = new AbortController();
  const followed: string[] = [];
  const begun = Promise.withResolvers<void>();
  const following = (async () => {
    for await (const { event } of platform.events.read({ since: before, follow: true, signal: ending.signal })) {
      followed.push(event.subject);
      begun.resolve();
      if (event.subject.endsWith("/last")) return;
    }
  })();
  await platform.events.append(started("first"));
  await begun.promise;
  const appending = Array.from({ length: 50 }, (_, n) => platform.events.append(started(`during-${n}`)));
  await server.crash();
  await server.startAgain();
  const cursors = await Promise.all(appending);
  await platform.events.append(started("last"));
  await following;
  expect(new Set(cursors).size).toBe(50);
  expect(followed).toHaveLength(52);
  expect(new Set(followed).size).toBe(52);
  expect(await read({ since: before })).toEqual(followed);
});

test("a follower's signal ends it", async () => {
  const ending = new AbortController();
  const seen: number[] = [];
  const cursor = await platform.events.append(started("only"));
  for await (const event of platform.events.read({ since: cursor - 1, follow: true, signal: ending.signal })) {
    seen.push(event.cursor);
    ending.abort();
  }
  expect(seen).toEqual([cursor]);
});

test("a follower from a cursor that the log never reached gets what comes", async () => {
  const cursor = await platform.events.append(started("now"));
  const following = (async () => {
    const { signal } = new AbortController();
    for await (const event of platform.events.read({ since: cursor + 1000, follow: true, signal })) return event.cursor;
    return 0;
  })();
  const arrived = new AbortController();
  void following.then(() => arrived.abort());
  while (!arrived.signal.aborted) await platform.events.append(started("next"));
  expect(await following).toBeGreaterThan(cursor);
});
