import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Kernel } from "#kernel/kernel.ts";
import { createDecompressor } from "./decompression.ts";
import { explain, imageError, withDiskFull } from "./errors.ts";
import { ExpansionLimit } from "./expansion-limit.ts";
import { LayerExtractor } from "./layer-extractor.ts";
import type { Compression } from "./media-types.ts";
import { TarReader } from "./tar-reader.ts";

/** Small enough that writing the small files of one chunk holds the event loop for a few milliseconds at most. */
const CHUNK_BYTES = 128 * 1024;

export interface UnpackRequest {
  kernel: Kernel;
  /** The layer's blob, whose digest was verified. */
  blob: string;
  compression: Compression;
  /** The digest of the uncompressed archive, as the image's config says. */
  diffId: string;
  /** An empty directory that nobody else can reach. */
  root: string;
  /** The roots of the layers below, topmost first. */
  lowers: readonly string[];
  signal: AbortSignal;
  /** Bytes of the blob that were read. */
  onProgress?: (doneBytes: number) => void;
}

/** Unpacks a layer's archive into `root`, in overlayfs's form, and verifies its diff id. */
export async function unpackLayer(request: UnpackRequest): Promise<void> {
  const source = createReadStream(request.blob, { highWaterMark: CHUNK_BYTES });
  source.on("data", () => request.onProgress?.(source.bytesRead));
  try {
    await pipeline(source, createDecompressor(request.compression, CHUNK_BYTES), (chunks) => extract(chunks, request), {
      signal: request.signal,
    });
  } catch (error) {
    request.signal.throwIfAborted();
    const attempted = `unpacking the layer ${request.diffId}`;
    throw explain(withDiskFull(error, attempted), "SLIPWAY_IMAGE_CORRUPT_LAYER", attempted);
  }
}

async function extract(chunks: AsyncIterable<Buffer>, request: UnpackRequest): Promise<void> {
  const { kernel, root, lowers, diffId } = request;
  const hash = createHash("sha256");
  const limit = new ExpansionLimit((await stat(request.blob)).size);
  using extractor = new LayerExtractor(kernel, root, lowers);
  const reader = new TarReader(extractor);
  for await (const chunk of chunks) {
    limit.add(chunk.byteLength);
    hash.update(chunk);
    reader.write(chunk);
  }
  reader.end();
  extractor.finish();
  const actual = `sha256:${hash.digest("hex")}`;
  if (actual !== diffId) {
    throw imageError(
      "SLIPWAY_IMAGE_DIGEST_MISMATCH",
      `an unpacked layer has the diff id ${actual}, its image's config says ${diffId}`,
    );
  }
}
