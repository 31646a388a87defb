import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BUCKETS, instanceKey } from "#contracts/buckets.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import { connectPlatform } from "#messaging/connect.ts";
import type { Bucket, BucketEntry, Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { assignment } from "#services/state/testing/assignment.ts";
import { observation } from "#services/state/testing/observation.ts";
import { ObservedReporter } from "./observed-reporter.ts";

const NODE = "n1";
const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
let stack: AsyncDisposableStack;
let server: ScratchServer;
let platform: Platform;
let bucket: Bucket<ObservedInstance>;
let reporter: ObservedReporter;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await ScratchServer.start());
  platform = stack.use(await connectPlatform({ ...server.as("agent"), log: () => {} }));
  bucket = await platform.bucket(BUCKETS.observed);
  reporter = stack.use(new ObservedReporter(NODE));
  reporter.open(platform);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stack.disposeAsync();
});

const instance = (instanceId: string, state: ObservedInstance["state"]): ObservedInstance =>
  observation(assignment(instanceId), { state });
const reported = (instanceId: string): Promise<BucketEntry<ObservedInstance> | undefined> =>
  bucket.get(instanceKey(NODE, instanceId));
const untilReported = (instanceId: string, state: ObservedInstance["state"]): Promise<BucketEntry<ObservedInstance>> =>
  vi.waitFor(
    async () => {
      const entry = await reported(instanceId);
      expect(entry?.value.state).toBe(state);
      return entry!;
    },
    { timeout: 15_000, interval: 5 },
  );

test("a state that is reported again is written once; another, and what was removed and comes again, anew", async () => {
  reporter.put(instance(A, "running"));
  const first = await untilReported(A, "running");
  reporter.put(instance(A, "running"));
  reporter.put(instance(B, "running"));
  const second = await untilReported(B, "running");
  expect((await reported(A))?.revision).toBe(first.revision);
  expect(second.revision).toBe(first.revision + 1);
  reporter.put(instance(A, "exited"));
  await untilReported(A, "exited");
  reporter.remove(A);
  await vi.waitFor(async () => expect(await reported(A)).toBeUndefined(), { interval: 5 });
  reporter.put(instance(A, "exited"));
  await untilReported(A, "exited");
});

test("a resync tells everything again, and takes out what is not there", async () => {
  reporter.put(instance(A, "running"));
  await untilReported(A, "running");
  await bucket.delete(instanceKey(NODE, A));
  await bucket.put(instanceKey(NODE, B), instance(B, "running"));
  await reporter.resync();
  await untilReported(A, "running");
  await vi.waitFor(async () => expect(await reported(B)).toBeUndefined(), { interval: 5 });
});

test("a bucket that went with the server's store is made again", async () => {
  const told = vi.spyOn(console, "error").mockReturnValue();
  reporter.put(instance(A, "running"));
  await untilReported(A, "running");
  await server.loseStore();
  reporter.put(instance(A, "exited"));
  await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 15_000 });
  await untilReported(A, "exited");
});
