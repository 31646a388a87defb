import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import { orAborted } from "#messaging/connection/or-aborted.ts";
import type { Log } from "#services/state/log.ts";

type Source = AsyncIterable<Uint8Array | string>;

/**
 * Answers with newline-delimited JSON for as long as the source goes on, or until the signal aborts. The head is sent at once, so
 * that a caller knows that it follows; the source is read no faster than the client takes it. An error in the middle cuts the
 * answer off: there is no other way to tell.
 */
export async function sendLines(reply: FastifyReply, source: Source, signal: AbortSignal, log: Log): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  reply.raw.flushHeaders();
  try {
    await forward(source, reply.raw, signal);
    reply.raw.end();
  } catch (error) {
    if (!signal.aborted) log("an answer was cut off", error);
    reply.raw.destroy();
  }
}

/** Not `pipeline`: after an abort that waits for the source's pending read, which for one that follows may never come. */
async function forward(source: Source, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orAborted(iterator.next(), signal);
      if (next.done === true) return;
      if (!response.write(next.value)) await once(response, "drain", { signal });
    }
  } finally {
    // A generator that waits at its `yield` would hold what it reads from for ever, and all that still arrives there.
    void iterator.return?.().catch(() => undefined);
  }
}

export async function* asLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}
