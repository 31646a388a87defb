import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyReply } from "fastify";
import { expect, test } from "vitest";
import { clientSignal } from "./client-signal.ts";
import { sendLines } from "./line-stream.ts";

/** More than the buffers between a server and a client that reads nothing. */
const LINE = `${"x".repeat(1024 * 1024)}\n`;

/** Serves one source to one client; the client, once it has the head. */
async function serve(source: AsyncIterable<string>): Promise<{ client: IncomingMessage; end: () => Promise<void> }> {
  const served = Promise.withResolvers<void>();
  const server = createServer((_, raw: ServerResponse) => {
    const reply = { raw, hijack: () => undefined } as unknown as FastifyReply;
    const signal = clientSignal(reply, new AbortController().signal);
    served.resolve(sendLines(reply, source, signal, () => {}));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: "127.0.0.1", agent: false }).end();
  const [client] = (await once(sent, "response")) as [IncomingMessage];
  return {
    client,
    end: async () => {
      client.destroy();
      await served.promise;
      server.close();
      await once(server, "close");
    },
  };
}

test("a source is ended when its client goes away while it reads slower than the source gives", async () => {
  const stalled = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  async function* endless(): AsyncGenerator<string> {
    try {
      for (let lines = 0; ; lines++) {
        if (lines === 1) stalled.resolve();
        yield LINE;
      }
    } finally {
      ended.resolve();
    }
  }
  const { end } = await serve(endless());
  await stalled.promise;
  await end();
  await ended.promise;
});

test("a source that waits for something to tell is ended with its client, too", async () => {
  const ended = Promise.withResolvers<void>();
  const arrival = Promise.withResolvers<void>();
  async function* following(): AsyncGenerator<string> {
    try {
      yield "one\n";
      await arrival.promise;
      yield "two\n";
      yield "three\n";
    } finally {
      ended.resolve();
    }
  }
  const { client, end } = await serve(following());
  expect(String(((await once(client, "data")) as [Buffer])[0])).toBe("one\n");
  await end();
  // What it waits for comes in the moment in which nobody listens any more.
  arrival.resolve();
  await ended.promise;
});
