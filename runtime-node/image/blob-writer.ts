import { open, rename, rm } from "node:fs/promises";
import { DigestVerifier } from "./digest.ts";
import { withDiskFull } from "./errors.ts";
import type { Descriptor } from "./oci-schemas.ts";
import type { StoreLayout } from "./store-layout.ts";

/**
 * Writes a blob into the store while its digest and size are verified; nothing of it is left when it fails. It is on the disk when the image is
 * on record that it belongs to.
 */
export async function writeBlob(
  layout: StoreLayout,
  descriptor: Pick<Descriptor, "digest" | "size">,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  what: string,
  onProgress: (doneBytes: number) => void,
): Promise<void> {
  const verifier = new DigestVerifier(descriptor.digest, descriptor.size, what);
  const temporary = layout.temporaryPath();
  try {
    await using file = await open(temporary, "wx", 0o600);
    let doneBytes = 0;
    for await (const chunk of chunks) {
      verifier.update(chunk);
      await file.writeFile(chunk);
      doneBytes += chunk.byteLength;
      onProgress(doneBytes);
    }
    verifier.verify();
    await rename(temporary, layout.blobPath(descriptor.digest));
  } catch (error) {
    await rm(temporary, { force: true });
    throw withDiskFull(error, `writing ${what} ${descriptor.digest}`);
  }
}
