import type { Static } from "typebox";
import type { ImageInfo, PullProgress } from "#contracts/api.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { REGISTRY_BACKOFF } from "./backoff.ts";
import { imageError } from "./errors.ts";
import { GarbageCollector, type InUse } from "./garbage-collector.ts";
import type { Image } from "./image.ts";
import { openImageFile } from "./image-file.ts";
import { ImageFetcher } from "./image-fetcher.ts";
import type { ImageSource } from "./image-source.ts";
import { type ImageRecord, ImageTable } from "./image-table.ts";
import { Pins } from "./pins.ts";
import type { ReportProgress } from "./progress.ts";
import { type ImageReference, parseReference } from "./reference.ts";
import type { RegistryOptions } from "./registry-http.ts";
import { RegistrySource } from "./registry-source.ts";
import { SharedWork } from "./shared-work.ts";
import { StoreLayout } from "./store-layout.ts";

const STALL_TIMEOUT_MS = 30_000;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export interface ImageStoreOptions {
  /** `<home>/images`; one process at a time. */
  directory: string;
  kernel: Kernel;
  /** Ends all work of the store. */
  signal?: AbortSignal;
  /** Asked before an image is removed, and before one that lost its name is collected. */
  inUse?: InUse;
  registry?: Partial<RegistryOptions>;
}

export interface FetchOptions {
  signal: AbortSignal;
  onProgress?: ReportProgress;
}

/** Opens the store, and cleans up what a process that was killed left behind. */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const layout = new StoreLayout(options.directory);
  await layout.prepare();
  const table = await ImageTable.open(layout.imagesFile);
  const store = new ImageStore(layout, table, options);
  await store.collectLeftovers();
  return store;
}

/**
 * The images of a node: content-addressed blobs, layers unpacked once, and names. Disposal aborts what is under way and waits
 * until it has cleaned up.
 */
export class ImageStore implements AsyncDisposable {
  readonly #layout: StoreLayout;
  readonly #table: ImageTable;
  readonly #pins = new Pins();
  readonly #collector: GarbageCollector;
  readonly #fetcher: ImageFetcher;
  readonly #pulls = new SharedWork<Image, Static<typeof PullProgress>>();
  readonly #inUse: InUse;
  readonly #registry: RegistryOptions;
  readonly #closing = new AbortController();
  readonly #outerSignal: AbortSignal | undefined;

  constructor(layout: StoreLayout, table: ImageTable, options: ImageStoreOptions) {
    this.#layout = layout;
    this.#table = table;
    this.#collector = new GarbageCollector(layout, table, this.#pins);
    this.#fetcher = new ImageFetcher(layout, options.kernel);
    this.#inUse = options.inUse ?? (() => false);
    this.#registry = { backoff: REGISTRY_BACKOFF, stallTimeoutMs: STALL_TIMEOUT_MS, ...options.registry };
    this.#outerSignal = options.signal;
  }

  /** The image of this name (or `sha256:…` of its manifest), when it is here. Asks nobody and reads no disk. */
  async resolve(reference: string): Promise<Image | undefined> {
    if (DIGEST.test(reference)) {
      const record = this.#table.byDigest(reference);
      return record === undefined ? undefined : this.#toImage(record, record.familiar);
    }
    const { canonical, familiar } = parseReference(reference);
    const record = this.#table.byReference(canonical);
    return record === undefined ? undefined : this.#toImage(record, familiar);
  }

  /** Brings the image from its registry, also when it is here already: its tag may have moved. */
  async pull(reference: string, { signal, onProgress = () => undefined }: FetchOptions): Promise<Image> {
    const parsed = parseReference(reference);
    const work = (shared: AbortSignal, report: ReportProgress): Promise<Image> =>
      this.#fetchAs(parsed, new RegistrySource(parsed, this.#registry), { signal: shared, onProgress: report });
    return this.#pulls.run(parsed.canonical, work, { signal: this.#while(signal), onProgress });
  }

  /**
   * Brings the images of an OCI layout (a folder or a tar) or of a `docker save` archive: all of them, each under its own name, or
   * the one that `reference` then names.
   */
  async importFrom(
    path: string,
    { reference, signal, onProgress = () => undefined }: FetchOptions & { reference?: string },
  ): Promise<Image[]> {
    const whole = this.#while(signal);
    const name = reference === undefined ? undefined : parseReference(reference);
    await using file = await openImageFile(path, { layout: this.#layout, signal: whole });
    const images: Image[] = [];
    for (const { reference: target, source } of file.select(name)) {
      images.push(await this.#fetchAs(target, source, { signal: whole, onProgress }));
    }
    return images;
  }

  /** Every name, and every image that lost its name and is still in use. */
  list(): Static<typeof ImageInfo>[] {
    const named = this.#table.references().flatMap(([canonical, digest]) => {
      const record = this.#table.byDigest(digest);
      return record === undefined ? [] : [toInfo(record, parseReference(canonical).familiar)];
    });
    const nameless = this.#table.images().filter(({ digest }) => this.#table.namesOf(digest).length === 0);
    return [...named, ...nameless.map((record) => toInfo(record, record.digest))];
  }

  /** Takes the name away and, when it was the last one of its image, the image: SLIPWAY_IMAGE_IN_USE while something runs on it. */
  async remove(reference: string): Promise<void> {
    this.#while(undefined).throwIfAborted();
    const { canonical, familiar } = parseReference(reference);
    const record = this.#table.byReference(canonical);
    if (record === undefined) throw this.#notHere(familiar);
    const isLastName = this.#table.namesOf(record.digest).length === 1;
    if (isLastName && (await this.#inUse(record.digest))) {
      throw imageError("SLIPWAY_IMAGE_IN_USE", `the image ${familiar} is in use`);
    }
    await this.#table.removeReference(canonical);
    await this.#collector.run(this.#inUse);
  }

  /** Removes what belongs to no image. */
  collectLeftovers(): Promise<void> {
    return this.#collector.run(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(imageError("SLIPWAY_IMAGE_STORE_CLOSED", "the image store is closing"));
    await this.#pulls[Symbol.asyncDispose]();
    await this.#fetcher[Symbol.asyncDispose]();
    await this.#collector.run(undefined);
  }

  async #fetchAs(
    reference: ImageReference,
    source: ImageSource,
    { signal, onProgress }: Required<FetchOptions>,
  ): Promise<Image> {
    try {
      using pins = this.#pins.hold();
      const record = await this.#fetcher.fetch({ source, pins, signal, report: onProgress }, reference.familiar);
      await this.#table.put(reference.canonical, record);
      const image = this.#toImage(record, reference.familiar);
      onProgress({
        phase: "done",
        doneBytes: record.sizeBytes,
        totalBytes: record.sizeBytes,
        image: toInfo(record, reference.familiar),
      });
      return image;
    } finally {
      await this.#collector.run(this.#inUse);
    }
  }

  #while(signal: AbortSignal | undefined): AbortSignal {
    const signals = [signal, this.#outerSignal, this.#closing.signal].filter((one) => one !== undefined);
    return AbortSignal.any(signals);
  }

  #toImage(record: ImageRecord, reference: string): Image {
    const { digest, architecture, config, sizeBytes, createdAt } = record;
    const layers = record.layers.map((chainId) => this.#layout.layerPath(chainId));
    return { reference, digest, architecture, layers, config, sizeBytes, createdAt };
  }

  #notHere(familiar: string): Error {
    const names = this.list().map(({ reference }) => reference);
    const present = names.length === 0 ? "there are none here" : `here are ${names.join(", ")}`;
    return imageError("SLIPWAY_IMAGE_NOT_FOUND", `there is no image ${familiar} here: ${present}`, {
      remedy: "See `slipway image ls` for the names.",
    });
  }
}

function toInfo(record: ImageRecord, reference: string): Static<typeof ImageInfo> {
  const { digest, layers, sizeBytes, createdAt } = record;
  return { reference, digest, layers: layers.length, sizeBytes, createdAt };
}
