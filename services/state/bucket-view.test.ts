import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUCKETS, instanceKey } from "#contracts/buckets.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import { connectPlatform } from "#messaging/connect.ts";
import type { Bucket, BucketChange, Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { BucketView } from "./bucket-view.ts";
import { assignment } from "./testing/assignment.ts";
import { observation } from "./testing/observation.ts";

/** Gone with nats-server, so that a view has to notice. */
const IN_MEMORY = { ...BUCKETS.observed, storage: "memory" as const };

let server: ScratchServer;
let agent: Platform;
let bucket: Bucket<ObservedInstance>;
beforeAll(async () => {
  server = await ScratchServer.start();
  agent = await connectPlatform(server.as("agent"));
  bucket = await agent.bucket(IN_MEMORY);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const logNothing = (): void => undefined;
const open = (): Promise<BucketView<ObservedInstance>> => BucketView.open(bucket, logNothing, AbortSignal.timeout(10_000));

const instance = (instanceId: string, changes: Partial<ObservedInstance> = {}): ObservedInstance =>
  observation(assignment(instanceId), changes);

const A = instanceKey("n1", "00000000000a");
const B = instanceKey("n1", "00000000000b");

function changed<Value>(view: BucketView<Value>, isSo: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = view.onChange(() => {
    if (isSo()) resolve();
  });
  if (isSo()) resolve();
  return promise.finally(stop);
}

describe("a bucket's view", () => {
  it("holds what was there when it opens, and follows what others write and delete", async () => {
    await bucket.put(A, instance("00000000000a"));
    await using view = await open();
    expect(view.get(A)?.value.instanceId).toBe("00000000000a");
    await bucket.put(B, instance("00000000000b"));
    await changed(view, () => view.get(B) !== undefined);
    await bucket.delete(A);
    await changed(view, () => view.get(A) === undefined);
    await bucket.delete(B);
  });

  it("reads its own writes at once, and is not set back by the watch that tells them late", async () => {
    await using view = await open();
    const told: (string | undefined)[] = [];
    view.onChange(({ after }) => told.push(after?.state));
    let revision = await view.update(A, instance("00000000000a", { state: "pending" }), 0);
    for (const state of ["pulling", "creating", "running"] as const) {
      revision = await view.update(A, instance("00000000000a", { state }), revision);
      expect(view.get(A)?.value.state).toBe(state);
    }
    await view.delete(A);
    expect(view.get(A)).toBeUndefined();
    // What the watch has to tell has arrived when it tells of a later write by another.
    await bucket.put(B, instance("00000000000b"));
    await changed(view, () => view.get(B) !== undefined);
    expect(told).toEqual(["pending", "pulling", "creating", "running", undefined, "running"]);
    await view.delete(B);
  });

  it("does not believe a watch that is behind its own writes, until the watch has caught up", async () => {
    const changes = new PassThrough({ objectMode: true });
    const told = async (...values: BucketChange<string>[]): Promise<void> => {
      for (const value of values) changes.write(value);
      await setImmediate();
    };
    let revision = 0;
    // A watch cannot be made to lag on demand: this one tells what the test says, when it says so.
    const lagging = {
      update: async () => ++revision,
      delete: async () => ++revision,
      watch: () => changes,
    } as unknown as Bucket<string>;
    changes.write({ type: "current", revision: 0 });
    await using view = await BucketView.open(lagging, logNothing, AbortSignal.timeout(1_000));
    await view.update("key", "one", 0);
    await view.update("key", "two", 1);
    await told({ type: "put", key: "key", value: "one", revision: 1 });
    expect(view.get("key")?.value).toBe("two");
    await view.delete("key");
    await told({ type: "put", key: "key", value: "two", revision: 2 });
    expect(view.get("key")).toBeUndefined();
    await told({ type: "delete", key: "key", revision: 3 }, { type: "put", key: "key", value: "other's", revision: 4 });
    expect(view.get("key")?.value).toBe("other's");
    changes.end();
  });

  it("refuses a write that expects another revision, and knows better after a refresh", async () => {
    await using view = await open();
    const revision = await view.update(A, instance("00000000000a"), 0);
    await bucket.put(A, instance("00000000000a", { state: "exited" }));
    await expect(view.update(A, instance("00000000000a"), revision)).rejects.toMatchObject({
      code: "SLIPWAY_MESSAGING_CONFLICT",
    });
    expect((await view.refresh(A))?.value.state).toBe("exited");
    await view.delete(A);
  });

  it("starts over with a memory bucket that the server's restart has emptied, although its revisions are lower", async () => {
    await using view = await open();
    for (let round = 0; round < 5; round++) await bucket.put(A, instance("00000000000a", { restarts: round }));
    await bucket.put(B, instance("00000000000b"));
    await changed(view, () => view.get(B) !== undefined);
    await server.crash();
    await server.startAgain();
    await bucket.put(A, instance("00000000000a", { restarts: 77 }));
    await changed(view, () => view.get(A)?.value.restarts === 77 && view.get(B) === undefined);
    await bucket.delete(A);
  });

  it("takes over in a resync what is there, and drops what is not", async () => {
    await using view = await open();
    await view.update(A, instance("00000000000a"), 0);
    await bucket.delete(A);
    await bucket.put(B, instance("00000000000b"));
    await view.resync();
    expect([view.get(A), view.get(B)?.value.instanceId]).toEqual([undefined, "00000000000b"]);
    await view.delete(B);
  });

  it("gives up opening when it is told to", async () => {
    const reason = new Error("enough");
    await expect(BucketView.open(bucket, logNothing, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
