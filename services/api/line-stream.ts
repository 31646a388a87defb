import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyReply } from "fastify";
import type { Log } from "#services/state/log.ts";

/**
 * Answers with newline-delimited JSON for as long as the source goes on. The head is sent at once, so that a caller knows that it
 * follows; the source is read no faster than the client takes it. An error in the middle cuts the answer off: there is no other
 * way to tell.
 */
export async function sendLines(
  reply: FastifyReply,
  source: AsyncIterable<Uint8Array | string>,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  reply.raw.flushHeaders();
  try {
    await pipeline(Readable.from(source, { objectMode: false }), reply.raw, { signal });
  } catch (error) {
    if (!signal.aborted) log("an answer was cut off", error);
    reply.raw.destroy();
  }
}

export async function* asLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}
