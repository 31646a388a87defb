import { parse } from "#contracts/parse.ts";
import { SpanBatch } from "#contracts/trace.ts";

/** Reads a batch that came as JSON; throws when it is none. */
export function decodeBatch(json: Uint8Array): SpanBatch {
  return parse(SpanBatch, JSON.parse(Buffer.from(json).toString("utf8")), "spans");
}
