import type { Descriptor } from "./oci-schemas.ts";

/** A manifest or index as it came: these bytes are what its digest is of. */
export interface FetchedManifest {
  mediaType: string;
  digest: string;
  body: Buffer;
}

/** Where an image comes from: a registry, a layout, an archive. What it says is not believed: whoever reads verifies digests. */
export interface ImageSource {
  /** For messages: `127.0.0.1:5000/shop/api:1`, `the layout /srv/image`. */
  readonly name: string;
  /** The manifest or index that the image's name stands for. */
  root(signal: AbortSignal): Promise<FetchedManifest>;
  /** A manifest that an index names; its body has this digest. */
  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<FetchedManifest>;
  /** A blob's bytes, in order, from the first one. */
  blob(descriptor: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array>;
}
