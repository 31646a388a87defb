import { existsSync } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import type { Kernel } from "#kernel/kernel.ts";
import { syncFileSystem } from "#kernel/sync-file-system.ts";
import type { PullProgress } from "#contracts/api.ts";
import { writeBlob } from "./blob-writer.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { explain, imageError } from "./errors.ts";
import { toImageConfig } from "./image.ts";
import type { ImageSource } from "./image-source.ts";
import type { ImageRecord } from "./image-table.ts";
import type { Descriptor } from "./oci-schemas.ts";
import type { PinSet } from "./pins.ts";
import { hostPlatform } from "./platform.ts";
import { byteProgress, type ReportProgress } from "./progress.ts";
import { type ResolvedLayer, resolveConfig, resolveManifest } from "./resolved-image.ts";
import { SharedWork } from "./shared-work.ts";
import type { StoreLayout } from "./store-layout.ts";
import { unpackLayer } from "./unpack-layer.ts";

const PARALLEL_DOWNLOADS = 3;
/** image-spec says no size; docker refuses larger ones as well. */
const CONFIG_MAX_BYTES = 4 * 1024 * 1024;

interface Fetch {
  source: ImageSource;
  /** What is fetched is pinned before it is looked for, so that no collection comes between. */
  pins: PinSet;
  signal: AbortSignal;
  report: ReportProgress;
}

/**
 * Brings images from a source into the store: blobs three at a time, each layer unpacked on those below it as soon as it is
 * there. The same blob or layer, wanted by several fetches at once, is fetched and unpacked once.
 */
export class ImageFetcher implements AsyncDisposable {
  readonly #layout: StoreLayout;
  readonly #kernel: Kernel;
  readonly #downloads = new SharedWork<void, PullProgress>();
  readonly #unpacks = new SharedWork<void, PullProgress>();
  readonly #downloadLimit = new ConcurrencyLimit(PARALLEL_DOWNLOADS);
  /** Blobs and layers that were put in their places, and how many of them are on the disk for sure. */
  #writes = 0;
  #synced = 0;

  constructor(layout: StoreLayout, kernel: Kernel) {
    this.#layout = layout;
    this.#kernel = kernel;
  }

  /** Resolves when everything is in the store; the caller then gives the record a name, before it lets the pins go. */
  async fetch(fetch: Fetch, familiar: string): Promise<ImageRecord> {
    const { source, pins, signal } = fetch;
    const platform = hostPlatform();
    fetch.report({ phase: "resolving", doneBytes: 0, totalBytes: 0 });
    const manifest = await resolveManifest(source, platform, signal);
    const { parsed } = manifest;
    pins.add(manifest.digest, parsed.config.digest, ...parsed.layers.map(({ digest }) => digest));
    const configBody = await this.#fetchConfig(parsed.config, fetch);
    const { config, layers } = resolveConfig(configBody, parsed, platform, source);
    pins.add(...layers.map(({ chainId }) => chainId));
    await this.#fetchLayers(layers, fetch);
    await this.#storeManifest(manifest.digest, manifest.body, source);
    // A power cut must not leave a name that stands for half of an image; what no image holds is removed at the next start.
    await this.#sync(fetch.source);
    return {
      digest: manifest.digest,
      familiar,
      architecture: config.architecture,
      layers: layers.map(({ chainId }) => chainId),
      blobs: [manifest.digest, parsed.config.digest, ...parsed.layers.map(({ digest }) => digest)],
      config: toImageConfig(config),
      sizeBytes: [parsed.config, ...parsed.layers].reduce((sum, { size }) => sum + size, manifest.body.byteLength),
      createdAt: config.created ?? null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#downloads[Symbol.asyncDispose]();
    await this.#unpacks[Symbol.asyncDispose]();
  }

  async #fetchConfig(descriptor: Descriptor, fetch: Fetch): Promise<Buffer> {
    if (descriptor.size > CONFIG_MAX_BYTES) {
      const message = `the config of ${fetch.source.name} has ${descriptor.size} bytes, of at most ${CONFIG_MAX_BYTES}`;
      throw imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", message);
    }
    await this.#download(descriptor, "config", fetch);
    return readFile(this.#layout.blobPath(descriptor.digest));
  }

  async #sync({ name }: ImageSource): Promise<void> {
    const writes = this.#writes;
    if (this.#synced === writes) return;
    try {
      await syncFileSystem(this.#layout.directory);
      this.#synced = Math.max(this.#synced, writes);
    } catch (error) {
      throw explain(
        error,
        "SLIPWAY_IMAGE_NOT_WRITTEN",
        `writing the image ${name} to the disk of ${this.#layout.directory}`,
      );
    }
  }

  async #storeManifest(digest: string, body: Buffer, source: ImageSource): Promise<void> {
    if (this.#layout.hasBlob(digest)) return;
    await writeBlob(
      this.#layout,
      { digest, size: body.byteLength },
      [body],
      `the manifest of ${source.name}`,
      () => undefined,
    );
    this.#writes += 1;
  }

  /** One failed download or layer ends the others. */
  async #fetchLayers(layers: readonly ResolvedLayer[], fetch: Fetch): Promise<void> {
    const failure = new AbortController();
    const all = { ...fetch, signal: AbortSignal.any([fetch.signal, failure.signal]) };
    const downloads = layers.map(async ({ descriptor, chainId }) => {
      if (!this.#layout.hasLayer(chainId)) await this.#download(descriptor, "layer", all);
    });
    const unpacking = (async () => {
      for (const [index, layer] of layers.entries()) {
        await downloads[index];
        await this.#unpack(layer, layers.slice(0, index), all);
      }
    })();
    try {
      await Promise.all([...downloads, unpacking]);
    } catch (error) {
      failure.abort(error);
      await Promise.allSettled([...downloads, unpacking]);
      throw error;
    }
  }

  async #download(descriptor: Descriptor, kind: string, { source, signal, report }: Fetch): Promise<void> {
    if (this.#layout.hasBlob(descriptor.digest)) return;
    const what = `the ${kind} of ${source.name}`;
    const download = (shared: AbortSignal, broadcast: ReportProgress): Promise<void> =>
      this.#downloadLimit.run(async () => {
        const about = { phase: "downloading", digest: descriptor.digest, totalBytes: descriptor.size } as const;
        await writeBlob(this.#layout, descriptor, source.blob(descriptor, shared), what, byteProgress(broadcast, about));
        this.#writes += 1;
      }, shared);
    await this.#downloads.run(descriptor.digest, download, { signal, onProgress: report });
  }

  async #unpack(layer: ResolvedLayer, below: readonly ResolvedLayer[], { signal, report }: Fetch): Promise<void> {
    if (this.#layout.hasLayer(layer.chainId)) return;
    const lowers = below.map(({ chainId }) => this.#layout.layerPath(chainId)).toReversed();
    await this.#unpacks.run(layer.chainId, (shared, broadcast) => this.#unpackOnto(lowers, layer, shared, broadcast), {
      signal,
      onProgress: report,
    });
  }

  async #unpackOnto(lowers: string[], layer: ResolvedLayer, signal: AbortSignal, report: ReportProgress): Promise<void> {
    const { descriptor, compression, diffId, chainId } = layer;
    const root = this.#layout.temporaryDirectory();
    const about = { phase: "unpacking", digest: descriptor.digest, totalBytes: descriptor.size } as const;
    const blob = this.#layout.blobPath(descriptor.digest);
    try {
      await unpackLayer({
        kernel: this.#kernel,
        blob,
        compression,
        diffId,
        root,
        lowers,
        signal,
        onProgress: byteProgress(report, about),
      });
      await rename(root, this.#layout.layerPath(chainId));
      this.#writes += 1;
    } finally {
      if (existsSync(root)) await rm(root, { recursive: true, force: true });
    }
  }
}
