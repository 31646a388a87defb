import { open } from "node:fs/promises";
import { type Duplex, PassThrough } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Compression } from "./media-types.ts";

/** RFC 1952, RFC 8878. */
const MAGIC = { gzip: Buffer.from([0x1f, 0x8b]), zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) };

/** How a file is packed, by its first bytes. */
export async function detectCompression(path: string): Promise<Compression> {
  await using file = await open(path, "r");
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  const start = buffer.subarray(0, bytesRead);
  if (start.subarray(0, 2).equals(MAGIC.gzip)) return "gzip";
  return start.equals(MAGIC.zstd) ? "zstd" : "none";
}

export function createDecompressor(compression: Compression, chunkSize: number): Duplex {
  if (compression === "gzip") return createGunzip({ chunkSize });
  return compression === "zstd" ? createZstdDecompress({ chunkSize }) : new PassThrough();
}
