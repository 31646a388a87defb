import { afterAll, beforeAll, expect, test } from "vitest";
import { BUCKETS } from "#contracts/buckets.ts";
import { connectPlatform } from "../connect.ts";
import type { Platform } from "../platform.ts";
import { describeChange, memoBucket } from "../testing/memo.ts";
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

test("a value is read as it was written, with its revision", async () => {
  const bucket = await platform.bucket(memoBucket("plain"));
  const revision = await bucket.put("shop.web", { text: "größer" });
  expect(await bucket.get("shop.web")).toEqual({ key: "shop.web", value: { text: "größer" }, revision });
  expect(await bucket.get("shop.db")).toBeUndefined();
});

test("a write at the revision that was read succeeds once", async () => {
  const bucket = await platform.bucket(memoBucket("fenced"));
  const first = await bucket.update("a", { text: "1" }, 0);
  const second = await bucket.update("a", { text: "2" }, first);
  expect(second).toBeGreaterThan(first);
  await expect(bucket.update("a", { text: "3" }, first)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_CONFLICT" });
  await expect(bucket.update("a", { text: "3" }, 0)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_CONFLICT" });
  expect((await bucket.get("a"))?.value).toEqual({ text: "2" });
});

test("of many who create the same key one succeeds", async () => {
  const bucket = await platform.bucket(memoBucket("raced"));
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => bucket.update("k", { text: `${n}` }, 0)));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("a deleted key is absent and can be created again", async () => {
  const bucket = await platform.bucket(memoBucket("deleted"));
  await bucket.put("a", { text: "1" });
  await bucket.delete("a");
  expect(await bucket.get("a")).toBeUndefined();
  expect(await bucket.entries()).toEqual([]);
  await bucket.update("a", { text: "2" }, 0);
  expect((await bucket.get("a"))?.value).toEqual({ text: "2" });
});

test("entries are those that match", async () => {
  const bucket = await platform.bucket(memoBucket("filtered"));
  for (const key of ["n1.a", "n1.b", "n2.a"]) await bucket.put(key, { text: key });
  const keys = async (filter?: string) => (await bucket.entries(filter)).map(({ key }) => key).toSorted();
  expect(await keys()).toEqual(["n1.a", "n1.b", "n2.a"]);
  expect(await keys("n1.>")).toEqual(["n1.a", "n1.b"]);
  expect(await keys("*.a")).toEqual(["n1.a", "n2.a"]);
  expect(await keys("n3.*")).toEqual([]);
});

test("a watch tells what is there, then that it is current, then every change", async () => {
  const bucket = await platform.bucket(memoBucket("watched"));
  await bucket.put("a", { text: "1" });
  await bucket.put("gone", { text: "1" });
  await bucket.delete("gone");
  const ending = new AbortController();
  const told: string[] = [];
  for await (const change of bucket.watch({ signal: ending.signal })) {
    told.push(describeChange(change));
    if (change.type === "current") {
      await bucket.put("b", { text: "2" });
      await bucket.put("a", { text: "3" });
      await bucket.delete("a");
      await bucket.put("last", { text: "4" });
    } else if (change.key === "last") ending.abort();
  }
  expect(told).toEqual(["a=1", "current", "b=2", "a=3", "a gone", "last=4"]);
});

test("a watch is current at the newest revision, a deletion's too", async () => {
  const bucket = await platform.bucket(memoBucket("emptied"));
  await bucket.put("gone", { text: "1" });
  const deleted = await bucket.delete("gone");
  const { signal } = new AbortController();
  for await (const change of bucket.watch({ signal })) {
    expect(change).toEqual({ type: "current", revision: deleted });
    break;
  }
});

test("a watch of an empty bucket is current at once", async () => {
  const bucket = await platform.bucket(memoBucket("empty"));
  const { signal } = new AbortController();
  for await (const change of bucket.watch({ signal })) {
    expect(change).toEqual({ type: "current", revision: 0 });
    break;
  }
});

test("a slow watcher is told everything", async () => {
  const bucket = await platform.bucket(memoBucket("slow"));
  const text = "x".repeat(10_000);
  await Promise.all(Array.from({ length: 500 }, (_, n) => bucket.put(`k${n}`, { text })));
  const { signal } = new AbortController();
  let puts = 0;
  for await (const change of bucket.watch({ signal })) {
    if (change.type === "current") break;
    puts++;
    if (puts % 50 === 0) await platform.flush();
  }
  expect(puts).toBe(500);
});

test("a value that is not valid is skipped with a line in the log, and refused when read", async () => {
  const lines: string[] = [];
  await using logged = await connectPlatform({ ...server.as("control"), log: (line) => lines.push(line) });
  const untyped = await logged.bucket({ ...memoBucket("invalid"), schema: {} });
  await untyped.put("bad", { text: 5 });
  await untyped.put("good", { text: "5" });
  const bucket = await logged.bucket(memoBucket("invalid"));
  expect((await bucket.entries()).map(({ key }) => key)).toEqual(["good"]);
  expect(lines).toEqual([expect.stringContaining("invalid bad/text")]);
  await expect(bucket.get("bad")).rejects.toMatchObject({ code: "SLIPWAY_CONTRACT_INVALID" });
  await expect(bucket.put("x", { text: 1 } as never)).rejects.toMatchObject({ code: "SLIPWAY_CONTRACT_INVALID" });
});

test.each(["", ".a", "a.", "a..b", "a b", "a.*", "a.>", "ü", "$x"])("%j is no key", async (key) => {
  const bucket = await platform.bucket(memoBucket("keys"));
  await expect(bucket.get(key)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_KEY_INVALID" });
});

test("what is too large for the server is refused with its size", async () => {
  const bucket = await platform.bucket(memoBucket("large"));
  await bucket.put("fits", { text: "x".repeat(3_000_000) });
  await expect(bucket.put("k", { text: "x".repeat(5_000_000) })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_TOO_LARGE",
    message: expect.stringContaining("5000011 bytes"),
  });
});

test("a bucket that exists with other storage is refused", async () => {
  await platform.bucket(memoBucket("stored", "file"));
  await expect(platform.bucket(memoBucket("stored", "memory"))).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_STORE_MISMATCH",
    message: expect.stringContaining("storage"),
  });
});

test("each process may do with the platform's buckets what it needs, and no more", async () => {
  await using agent = await connectPlatform({ ...server.as("agent"), log: () => undefined });
  await using gateway = await connectPlatform({ ...server.as("gateway"), log: () => undefined });
  const assignments = await agent.bucket(BUCKETS.assignments);
  const observed = await agent.bucket(BUCKETS.observed);
  expect(await assignments.entries("node1.>")).toEqual([]);
  expect(await observed.get("node1.x")).toBeUndefined();
  await observed.delete("node1.x");
  expect(await (await gateway.bucket(BUCKETS.routes)).entries()).toEqual([]);
  await expect(assignments.delete("node1.x")).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_DENIED" });
  await expect(agent.bucket(BUCKETS.desired)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_DENIED" });
});
