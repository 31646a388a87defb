import { expect, test } from "vitest";
import { connectPlatform } from "../connect.ts";
import { describeChange, memoBucket } from "../testing/memo.ts";
import { ScratchServer } from "../testing/scratch-server.ts";

const CRASHES = 3;

test("writes that were acknowledged outlive kill -9 of the server, and none is stored twice or refused by its own repetition", async () => {
  await using server = await ScratchServer.start();
  await using platform = await connectPlatform(server.as("control"));
  const bucket = await platform.bucket(memoBucket("durable"));
  let writing = true;
  const counter = (async () => {
    let revision = 0;
    for (let n = 1; ; n++) {
      // Each write is fenced by the one before it: a lost or doubled one would be a conflict.
      revision = await bucket.update("counter", { text: String(n) }, revision);
      if (!writing) return { n, revision };
    }
  })();
  for (let crash = 0; crash < CRASHES; crash++) {
    await bucket.put(`before-crash-${crash}`, { text: "there" });
    await server.crash();
    await server.startAgain();
  }
  writing = false;
  const { n, revision } = await counter;
  expect(await bucket.get("counter")).toEqual({ key: "counter", value: { text: String(n) }, revision });
  expect((await bucket.entries("*")).map(({ key }) => key).toSorted()).toEqual([
    ...Array.from({ length: CRASHES }, (_, crash) => `before-crash-${crash}`),
    "counter",
  ]);
});

test("a watch goes on over kill -9 of the server and tells what happened meanwhile", async () => {
  await using server = await ScratchServer.start();
  await using watching = await connectPlatform(server.as("control"));
  await using writing = await connectPlatform(server.as("control"));
  const bucket = await writing.bucket(memoBucket("followed"));
  const watched = await watching.bucket(memoBucket("followed"));
  await bucket.put("kept", { text: "1" });
  await bucket.put("dropped", { text: "1" });
  const ending = new AbortController();
  const told: string[] = [];
  for await (const change of watched.watch({ signal: ending.signal })) {
    told.push(describeChange(change));
    if (change.type === "current") {
      await server.crash();
      await server.startAgain();
      await bucket.delete("dropped");
      await bucket.put("new", { text: "1" });
      await bucket.put("last", { text: "1" });
    }
    if (change.type === "put" && change.key === "last") ending.abort();
  }
  expect(told.slice(0, 3)).toEqual(["kept=1", "dropped=1", "current"]);
  expect(told.slice(3).toSorted()).toEqual(["dropped gone", "last=1", "new=1"]);
});

test("a memory bucket that went with its server is there again, and a watch tells what became of it", async () => {
  await using server = await ScratchServer.start();
  await using platform = await connectPlatform(server.as("control"));
  const bucket = await platform.bucket(memoBucket("volatile", "memory"));
  await bucket.put("again", { text: "1" });
  await bucket.put("lost", { text: "1" });
  const ending = new AbortController();
  const told: string[] = [];
  let revision = 0;
  for await (const change of bucket.watch({ signal: ending.signal })) {
    told.push(describeChange(change));
    if (change.type === "current") {
      await server.crash();
      await server.startAgain();
      revision = await bucket.put("again", { text: "2" });
    }
    if (told.includes("lost gone") && told.includes("again=2")) ending.abort();
  }
  expect(told.slice(0, 3)).toEqual(["again=1", "lost=1", "current"]);
  expect(told.filter((each) => each === "current")).toHaveLength(1);
  // The same revision as before, in another stream.
  expect(revision).toBe(1);
});

test("a bucket of desired state that is gone from the disk is an error, not an empty bucket", async () => {
  await using server = await ScratchServer.start();
  await using platform = await connectPlatform(server.as("control"));
  const bucket = await platform.bucket(memoBucket("precious"));
  await bucket.put("a", { text: "1" });
  await server.loseStore();
  await expect(bucket.get("a")).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_STORE_LOST" });
  await expect(bucket.entries()).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_STORE_LOST" });
  await expect(bucket.put("a", { text: "1" })).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_STORE_LOST" });
});
