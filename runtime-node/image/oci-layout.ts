import { basename } from "node:path";
import { parseArchiveDocument } from "./archive-document.ts";
import { digestOf, parseDigest } from "./digest.ts";
import { imageError } from "./errors.ts";
import { type FileTree, readTreeFile, streamFile } from "./file-tree.ts";
import type { FetchedManifest, ImageSource } from "./image-source.ts";
import { type Descriptor, ImageIndex, type IndexEntry } from "./oci-schemas.ts";

/** Where tools write an image's full name; the second is often only a tag (image-spec, annotations.md). */
const FULL_NAME = "io.containerd.image.name";
const REF_NAME = "org.opencontainers.image.ref.name";

/** An image in a file, with the name that the file gives it. */
export interface StoredImage {
  name: string;
  source: ImageSource;
}

/** The images of an OCI image layout (image-spec, image-layout.md); `path` is for messages and for naming what is only tagged. */
export async function readOciLayout(tree: FileTree, path: string): Promise<StoredImage[]> {
  const body = await readTreeFile(tree, "index.json");
  if (body === undefined) throw imageError("SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `the layout ${path} has no index.json`);
  const index = parseArchiveDocument(ImageIndex, body, `${path}/index.json`);
  return index.manifests.map((entry) => ({ name: nameOf(entry, path), source: new LayoutSource(tree, entry, path) }));
}

function nameOf({ annotations }: IndexEntry, path: string): string {
  const name = annotations?.[FULL_NAME] ?? annotations?.[REF_NAME];
  const folder = basename(path)
    .replace(/\.(?:tar|tgz|oci)(?:\.\w+)?$/, "")
    .toLowerCase();
  if (name === undefined) return folder;
  return /[/:]/.test(name) ? name : `${folder}:${name}`;
}

class LayoutSource implements ImageSource {
  readonly name: string;
  readonly #tree: FileTree;
  readonly #entry: IndexEntry;

  constructor(tree: FileTree, entry: IndexEntry, path: string) {
    this.name = `${path} (${nameOf(entry, path)})`;
    this.#tree = tree;
    this.#entry = entry;
  }

  root(): Promise<FetchedManifest> {
    return this.manifest(this.#entry);
  }

  async manifest({ digest, mediaType }: Descriptor): Promise<FetchedManifest> {
    const body = await readTreeFile(this.#tree, blobName(digest));
    if (body === undefined) throw this.#missing(digest);
    const actual = digestOf(body);
    if (actual !== digest) {
      throw imageError("SLIPWAY_IMAGE_DIGEST_MISMATCH", `the manifest ${digest} of ${this.name} has the digest ${actual}`);
    }
    return { mediaType, digest, body };
  }

  async *blob({ digest }: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const path = await this.#tree.find(blobName(digest));
    if (path === undefined) throw this.#missing(digest);
    yield* streamFile(path, signal);
  }

  #missing(digest: string): Error {
    return imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", `${this.name} lacks the blob ${digest}`);
  }
}

function blobName(digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}
