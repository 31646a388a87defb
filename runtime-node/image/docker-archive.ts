import { createHash } from "node:crypto";
import { detectCompression } from "./decompression.ts";
import { parseArchiveDocument } from "./archive-document.ts";
import { digestOf } from "./digest.ts";
import { imageError } from "./errors.ts";
import { type FileTree, readTreeFile, streamFile } from "./file-tree.ts";
import type { FetchedManifest, ImageSource } from "./image-source.ts";
import { MEDIA_TYPE } from "./media-types.ts";
import type { StoredImage } from "./oci-layout.ts";
import { type Descriptor, DockerArchive } from "./oci-schemas.ts";

type ArchivedImage = DockerArchive[number];

/** The images of an archive made by `docker save`, once for each of their names. */
export async function readDockerArchive(tree: FileTree, path: string): Promise<StoredImage[]> {
  const body = await readTreeFile(tree, "manifest.json");
  if (body === undefined) throw imageError("SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `${path} has no manifest.json`);
  const archive = parseArchiveDocument(DockerArchive, body, `manifest.json of ${path}`);
  return archive.flatMap((image) => {
    const source = new DockerArchiveSource(tree, image, path);
    return (image.RepoTags ?? []).map((name) => ({ name, source }));
  });
}

/** The archive has no manifest of the registry's kind: one is made from the files' own digests. */
class DockerArchiveSource implements ImageSource {
  readonly name: string;
  readonly #tree: FileTree;
  readonly #image: ArchivedImage;
  readonly #paths = new Map<string, string>();

  constructor(tree: FileTree, image: ArchivedImage, path: string) {
    this.name = `${path} (${image.RepoTags?.[0] ?? image.Config})`;
    this.#tree = tree;
    this.#image = image;
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const config = await this.#describe(this.#image.Config, MEDIA_TYPE.ociConfig, signal);
    const layers: Descriptor[] = [];
    for (const name of this.#image.Layers) layers.push(await this.#describe(name, undefined, signal));
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers };
    const body = Buffer.from(JSON.stringify(manifest));
    return { mediaType: manifest.mediaType, digest: digestOf(body), body };
  }

  manifest(): Promise<FetchedManifest> {
    throw new TypeError("an archive of docker's has no index");
  }

  async *blob({ digest }: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array> {
    yield* streamFile(this.#paths.get(digest) as string, signal);
  }

  /** mediaType undefined: a layer, whose compression its first bytes tell. */
  async #describe(name: string, mediaType: string | undefined, signal: AbortSignal): Promise<Descriptor> {
    const path = await this.#tree.find(name);
    if (path === undefined) throw imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", `${this.name} lacks its file ${name}`);
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of streamFile(path, signal)) {
      hash.update(chunk);
      size += chunk.byteLength;
    }
    const digest = `sha256:${hash.digest("hex")}`;
    this.#paths.set(digest, path);
    return { mediaType: mediaType ?? (await layerMediaType(path)), digest, size };
  }
}

async function layerMediaType(path: string): Promise<string> {
  const compression = await detectCompression(path);
  return compression === "none" ? MEDIA_TYPE.ociLayer : `${MEDIA_TYPE.ociLayer}+${compression}`;
}
