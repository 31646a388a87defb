import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defineErrors } from "#contracts/slipway-error.ts";
import { connectPlatform } from "../connect.ts";
import type { MessageStream, Platform } from "../platform.ts";
import { ScratchServer } from "../testing/scratch-server.ts";
import { WINDOW_BYTES } from "./outgoing-flow.ts";

const SUBJECT = "slipway.node.n1.exec";
const execError = defineErrors({ SLIPWAY_TEST_NO_SUCH_COMMAND: { status: 404, exitCode: 127, remedy: "Name another." } });
let server: ScratchServer;
let control: Platform;
let agent: Platform;

beforeEach(async () => {
  server = await ScratchServer.start();
  control = await connectPlatform(server.as("control"));
  agent = await connectPlatform(server.as("agent"));
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const text = (chunk: Uint8Array): string => Buffer.from(chunk).toString("utf8");

async function readAll(stream: MessageStream): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of stream.incoming) chunks.push(text(chunk));
  return chunks;
}

async function serveStreams(
  handler: (stream: MessageStream, opening: { name?: string }) => Promise<void>,
): Promise<AsyncDisposable> {
  const serving = agent.serveStreams(SUBJECT, (opening: { name?: string }, stream) => handler(stream, opening));
  await agent.flush();
  return serving;
}

test("chunks go both ways, whole and in order, and each direction ends by itself", async () => {
  await using _serving = await serveStreams(async (stream, opening) => {
    await stream.send(Buffer.from(`hello ${opening.name}`));
    for await (const chunk of stream.incoming) await stream.send(Buffer.from(text(chunk).toUpperCase()));
    await stream.send(Buffer.from("bye"));
  });
  await using stream = await control.openStream(SUBJECT, { name: "world" });
  for (const word of ["one", "", "two"]) await stream.send(Buffer.from(word));
  await stream.end();
  expect(await readAll(stream)).toEqual(["hello world", "ONE", "", "TWO", "bye"]);
  expect(stream.signal.aborted).toBe(true);
  await expect(stream.send(Buffer.from("late"))).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_STREAM_LOST" });
});

test("a chunk larger than any message arrives as one", async () => {
  const large = randomBytes(6_000_000);
  await using _serving = await serveStreams(async (stream) => {
    for await (const chunk of stream.incoming) await stream.send(chunk);
  });
  await using stream = await control.openStream(SUBJECT, {});
  await stream.send(large);
  await stream.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream.incoming) chunks.push(chunk);
  expect(chunks.map((chunk) => large.equals(chunk))).toEqual([true]);
});

test("a sender waits while the other side reads nothing, and goes on when it reads", async () => {
  const reading = Promise.withResolvers<void>();
  let received = 0;
  await using _serving = await serveStreams(async (stream) => {
    await reading.promise;
    for await (const chunk of stream.incoming) received += chunk.byteLength;
  });
  await using stream = await control.openStream(SUBJECT, {});
  const chunk = new Uint8Array(64 * 1024);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 4 * WINDOW_BYTES; sent += chunk.byteLength) await stream.send(chunk);
    await stream.end();
  })();
  // As many round trips as would carry it all if nothing held it back.
  for (let n = 0; n < 50; n++) await control.flush();
  expect(sent).toBeLessThanOrEqual(WINDOW_BYTES + chunk.byteLength);
  reading.resolve();
  await sending;
  await readAll(stream);
  expect(received).toBe(4 * WINDOW_BYTES);
});

test("a handler's error reaches the caller after what was sent before it", async () => {
  await using _serving = await serveStreams(async (stream) => {
    await stream.send(Buffer.from("starting"));
    throw execError("SLIPWAY_TEST_NO_SUCH_COMMAND", "no such command");
  });
  await using stream = await control.openStream(SUBJECT, {});
  const chunks: string[] = [];
  const reading = (async () => {
    for await (const chunk of stream.incoming) chunks.push(text(chunk));
  })();
  await expect(reading).rejects.toMatchObject({ code: "SLIPWAY_TEST_NO_SUCH_COMMAND", exitCode: 127 });
  expect(chunks).toEqual(["starting"]);
  await expect(stream.send(Buffer.from("x"))).rejects.toMatchObject({ code: "SLIPWAY_TEST_NO_SUCH_COMMAND" });
});

test("a caller that leaves is noticed by the handler", async () => {
  const noticed = Promise.withResolvers<unknown>();
  await using _serving = await serveStreams(async (stream) => {
    stream.signal.addEventListener("abort", () => noticed.resolve(stream.signal.reason));
    await readAll(stream);
  });
  await using stream = await control.openStream(SUBJECT, {});
  await stream.send(Buffer.from("x"));
  await stream[Symbol.asyncDispose]();
  expect(await noticed.promise).toMatchObject({ code: "SLIPWAY_MESSAGING_STREAM_LOST" });
});

test("a caller whose connection vanishes is noticed by the handler", async () => {
  const noticed = Promise.withResolvers<unknown>();
  await using _serving = await serveStreams(async (stream) => {
    stream.signal.addEventListener("abort", () => noticed.resolve(stream.signal.reason));
    await readAll(stream);
  });
  const vanishing = await connectPlatform(server.as("control"));
  const stream = await vanishing.openStream(SUBJECT, {});
  await vanishing[Symbol.asyncDispose]();
  expect(stream.signal.aborted).toBe(true);
  expect(await noticed.promise).toMatchObject({
    code: "SLIPWAY_MESSAGING_STREAM_LOST",
    message: expect.stringContaining("is gone"),
  });
});

test("a handler's process that closes ends the caller's stream", async () => {
  const serving = await serveStreams(async (stream) => {
    await readAll(stream);
  });
  await using stream = await control.openStream(SUBJECT, {});
  const closing = serving[Symbol.asyncDispose]();
  await expect(readAll(stream)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_UNAVAILABLE" });
  await closing;
});

test("nobody serves: the opening says so at once", async () => {
  await expect(control.openStream("slipway.node.nowhere.exec", {})).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_NO_RESPONDER",
  });
});

test("a stream outlives kill -9 of the server in its middle: every byte arrives once and in order", async () => {
  const sentHash = createHash("sha256");
  await using _serving = await serveStreams(async (stream) => {
    for await (const chunk of stream.incoming) await stream.send(chunk);
  });
  await using stream = await control.openStream(SUBJECT, {});
  const crashing = (async () => {
    for (let crash = 0; crash < 2; crash++) {
      await server.crash();
      await server.startAgain();
    }
  })();
  const crashed = new AbortController();
  void crashing.then(() => crashed.abort());
  const sending = (async () => {
    while (!crashed.signal.aborted) {
      const chunk = randomBytes(20_000);
      sentHash.update(chunk);
      await stream.send(chunk);
    }
    await stream.end();
  })();
  const receivedHash = createHash("sha256");
  for await (const chunk of stream.incoming) receivedHash.update(chunk);
  await Promise.all([sending, crashing]);
  expect(receivedHash.digest("hex")).toBe(sentHash.digest("hex"));
});
