import type { Buffer as NodeBuffer } from "node:buffer";

/** DNS over TCP (RFC 1035, 4.2.2): every message behind its length in two bytes. */
export function frame(message: NodeBuffer): NodeBuffer {
  const framed = Buffer.alloc(message.byteLength + 2);
  framed.writeUInt16BE(message.byteLength, 0);
  message.copy(framed, 2);
  return framed;
}

/** The messages of a byte stream; holds at most one message (64 KiB) and one chunk. An unfinished last one is dropped. */
export async function* readFrames(chunks: AsyncIterable<NodeBuffer>): AsyncGenerator<NodeBuffer> {
  let pending: NodeBuffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    pending = pending.byteLength === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.byteLength >= 2) {
      const end = pending.readUInt16BE(0) + 2;
      if (pending.byteLength < end) break;
      yield pending.subarray(2, end);
      pending = pending.subarray(end);
    }
  }
}
