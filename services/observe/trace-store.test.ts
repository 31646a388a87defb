import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SpanBatch } from "#contracts/trace.ts";
import { SpanDatabase } from "./span-database.ts";
import type { StoreSettings } from "./store-protocol.ts";
import { TraceStore } from "./trace-store.ts";

const DAY_MS = 86_400_000;
let folder: string;
let said: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-traces-"));
  said = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (settings: Partial<StoreSettings> = {}): TraceStore =>
  new TraceStore({ path: join(folder, "spans.db"), maxAgeMs: DAY_MS, maxBytes: 64 * 1024 ** 2, ...settings }, (message) =>
    said.push(message),
  );

interface Given {
  traceId?: string;
  spanId?: string;
  parentSpanId?: string;
  name?: string;
  atMs?: number;
  tookMs?: number;
  failed?: boolean;
  project?: string;
  padding?: number;
}

const nanoseconds = (milliseconds: number): string => String(BigInt(Math.round(milliseconds * 1e3)) * 1_000n);

function batch(...spans: Given[]): SpanBatch {
  return {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "slipway-test" } }] },
        scopeSpans: [
          {
            spans: spans.map(
              ({ traceId, spanId, parentSpanId, name, atMs = Date.now(), tookMs = 1, failed, project, padding }) => ({
                traceId: traceId ?? randomBytes(16).toString("hex"),
                spanId: spanId ?? randomBytes(8).toString("hex"),
                ...(parentSpanId === undefined ? {} : { parentSpanId }),
                name: name ?? "work",
                startTimeUnixNano: nanoseconds(atMs),
                endTimeUnixNano: nanoseconds(atMs + tookMs),
                attributes: [
                  ...(project === undefined ? [] : [{ key: "slipway.project", value: { stringValue: project } }]),
                  ...(padding === undefined ? [] : [{ key: "padding", value: { stringValue: "x".repeat(padding) } }]),
                ],
                ...(failed === true ? { status: { code: 2, message: "it broke" } } : {}),
              }),
            ),
          },
        ],
      },
    ],
  };
}

const A = "a".repeat(32);
const B = "ab".repeat(16);

test("spans that come in parts are one trace, named for its root, with its whole duration and errors", async () => {
  await using store = open();
  const atMs = Date.now();
  await store.add(
    batch({
      traceId: A,
      spanId: "2".repeat(16),
      parentSpanId: "1".repeat(16),
      name: "child",
      atMs: atMs + 5,
      failed: true,
    }),
  );
  await store.add(batch({ traceId: A, spanId: "1".repeat(16), name: "root", atMs, tookMs: 100, project: "shop" }));
  const [summary] = await store.list({ limit: 10 });
  expect(summary).toMatchObject({
    traceId: A,
    name: "root",
    project: "shop",
    durationNs: 100_000_000,
    spans: 2,
    errors: 1,
  });
  const { trace } = await store.find("aaaa");
  expect(trace?.spans.map(({ name, parentSpanId, status, message }) => ({ name, parentSpanId, status, message }))).toEqual([
    { name: "root", parentSpanId: null, status: "unset", message: null },
    { name: "child", parentSpanId: "1".repeat(16), status: "error", message: "it broke" },
  ]);
});

test("a batch that is sent again, since its answer was lost, is kept once", async () => {
  await using store = open();
  const same = batch({ traceId: A, spanId: "1".repeat(16) });
  await store.add(same);
  await store.add(same);
  expect(await store.list({ limit: 10 })).toMatchObject([{ spans: 1 }]);
});

test("spans that come as JSON are kept too, of a part of a larger buffer; what is no batch is dropped, and said", async () => {
  await using store = open();
  const encode = (value: unknown): Uint8Array => Buffer.from(`before${JSON.stringify(value)}`).subarray(6);
  await store.add(encode(batch({ traceId: A })));
  await store.add(encode({ resourceSpans: [{ scopeSpans: "none" }] }));
  await store.add(encode(batch({ traceId: B })));
  expect([(await store.find(A)).matches, (await store.find(B)).matches, store.dropped]).toEqual([[A], [B], 1]);
  expect(said[0]).toContain("spans are dropped");
});

test("a prefix that two traces share names both", async () => {
  await using store = open();
  await store.add(batch({ traceId: A }, { traceId: B }));
  expect(await store.find("a")).toEqual({ matches: expect.arrayContaining([A, B]) });
  expect((await store.find("ab")).trace?.traceId).toBe(B);
  expect(await store.find("c")).toEqual({ matches: [] });
});

test("traces are listed the newest first, by project and from a time on", async () => {
  await using store = open();
  const now = Date.now();
  await store.add(batch({ name: "old", atMs: now - 60_000, project: "shop" }, { name: "new", atMs: now, project: "bank" }));
  const names = async (query: object): Promise<string[]> =>
    (await store.list({ limit: 10, ...query })).map(({ name }) => name);
  expect(await names({})).toEqual(["new", "old"]);
  expect(await names({ project: "shop" })).toEqual(["old"]);
  expect(await names({ since: new Date(now - 1_000).toISOString() })).toEqual(["new"]);
});

test("what is older than its age goes, and the oldest where the file would grow too large", async () => {
  await using store = open({ maxAgeMs: 1_000, maxBytes: 2 * 1024 ** 2 });
  await store.add(batch({ name: "ancient", atMs: Date.now() - 5_000 }));
  expect(await store.list({ limit: 10 })).toEqual([]);
  const now = Date.now() + DAY_MS;
  for (let round = 0; round < 60; round++) {
    await store.add(
      batch(...Array.from({ length: 20 }, () => ({ name: String(round), atMs: now + round, padding: 4_000 }))),
    );
  }
  const left = await store.list({ limit: 1_000 });
  expect(left.at(0)?.name).toBe("59");
  expect(left.length).toBeGreaterThan(20);
  expect((await stat(join(folder, "spans.db"))).size).toBeLessThan(3 * 1024 ** 2);
});

test("a file that is no database is set aside, which is said, and traces begin anew", async () => {
  await writeFile(join(folder, "spans.db"), "not a database, but long enough to be looked at".repeat(100));
  await using store = open();
  await store.add(batch({ name: "after" }));
  expect(await store.list({ limit: 10 })).toMatchObject([{ name: "after" }]);
  expect(said).toEqual([expect.stringContaining("traces begin anew")]);
  expect(await readdir(folder)).toContain("spans.db.damaged");
});

test("where the disk does not take them, spans are dropped and counted, and it is said once", async () => {
  await writeFile(join(folder, "file"), "");
  await using store = open({ path: join(folder, "file", "spans.db") });
  await store.add(batch({}, {}));
  await store.add(batch({}));
  expect(store.dropped).toBe(3);
  expect(said).toHaveLength(1);
});

test("what was answered is there after the process was killed: the next one reads it", async () => {
  await using store = open();
  await store.add(batch({ traceId: A }));
  // As another process would, while the first has closed nothing.
  using database = new SpanDatabase(join(folder, "spans.db"));
  expect(database.find(A).trace?.spans).toHaveLength(1);
});
