import { readFile } from "node:fs/promises";
import { type Static, Type } from "typebox";
import { parse } from "#contracts/parse.ts";
import { replaceFile } from "./durable-file.ts";
import { imageError, withDiskFull } from "./errors.ts";
import { ImageConfig } from "./image.ts";

const ImageRecord = Type.Object({
  /** Of its manifest. */
  digest: Type.String(),
  /** The name it was pulled or imported under, the last one where there were several. */
  familiar: Type.String(),
  architecture: Type.String(),
  /** Chain ids, bottom to top. */
  layers: Type.Array(Type.String()),
  /** The digests of manifest, config and layers. */
  blobs: Type.Array(Type.String()),
  config: ImageConfig,
  sizeBytes: Type.Integer(),
  createdAt: Type.Union([Type.String(), Type.Null()]),
});
export type ImageRecord = Static<typeof ImageRecord>;

const TableFile = Type.Object({
  version: Type.Literal(1),
  /** By manifest digest; one without a name is kept while something runs on it. */
  images: Type.Record(Type.String(), ImageRecord),
  /** Canonical name to manifest digest. */
  references: Type.Record(Type.String(), Type.String()),
});
type TableFile = Static<typeof TableFile>;

/** What images there are and what they are called: in memory, and in a file that is replaced as a whole. */
export class ImageTable {
  readonly #path: string;
  #current: TableFile;
  #lastWrite: Promise<unknown> = Promise.resolve();

  private constructor(path: string, current: TableFile) {
    this.#path = path;
    this.#current = current;
  }

  static async open(path: string): Promise<ImageTable> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return new ImageTable(path, { version: 1, images: {}, references: {} });
    try {
      return new ImageTable(path, parse(TableFile, JSON.parse(text), path));
    } catch (cause) {
      throw imageError("SLIPWAY_IMAGE_STORE_CORRUPT", `${path} is not what Slipway wrote: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  byReference(canonical: string): ImageRecord | undefined {
    const digest = this.#current.references[canonical];
    return digest === undefined ? undefined : this.#current.images[digest];
  }

  byDigest(digest: string): ImageRecord | undefined {
    return this.#current.images[digest];
  }

  images(): ImageRecord[] {
    return Object.values(this.#current.images);
  }

  references(): [canonical: string, digest: string][] {
    return Object.entries(this.#current.references);
  }

  namesOf(digest: string): string[] {
    return this.references().flatMap(([name, target]) => (target === digest ? [name] : []));
  }

  /** Stores an image under a name; what had the name before stays until it is collected. */
  put(canonical: string, record: ImageRecord): Promise<void> {
    return this.#update(({ images, references }) => ({
      version: 1,
      images: { ...images, [record.digest]: record },
      references: { ...references, [canonical]: record.digest },
    }));
  }

  removeReference(canonical: string): Promise<void> {
    return this.#update(({ images, references }) => {
      const kept = Object.entries(references).filter(([name]) => name !== canonical);
      return { version: 1, images, references: Object.fromEntries(kept) };
    });
  }

  /** Removes those of these images that have no name. */
  removeNameless(digests: ReadonlySet<string>): Promise<void> {
    return this.#update(({ images, references }) => {
      const named = new Set(Object.values(references));
      const kept = Object.entries(images).filter(([digest]) => named.has(digest) || !digests.has(digest));
      return { version: 1, images: Object.fromEntries(kept), references };
    });
  }

  /** One after the other; what could not be written did not happen. */
  #update(change: (current: TableFile) => TableFile): Promise<void> {
    const write = this.#writeAfter(this.#lastWrite, change);
    this.#lastWrite = write.catch(() => undefined);
    return write;
  }

  async #writeAfter(previous: Promise<unknown>, change: (current: TableFile) => TableFile): Promise<void> {
    await previous;
    const next = change(this.#current);
    try {
      await replaceFile(this.#path, JSON.stringify(next));
    } catch (error) {
      throw withDiskFull(error, `writing ${this.#path}`);
    }
    this.#current = next;
  }
}
