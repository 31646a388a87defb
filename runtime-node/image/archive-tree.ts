import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { createDecompressor, detectCompression } from "./decompression.ts";
import { explain, withDiskFull } from "./errors.ts";
import type { FileTree } from "./file-tree.ts";
import type { StoreLayout } from "./store-layout.ts";
import { type TarEntry, type TarHandler, TarReader } from "./tar-reader.ts";

const CHUNK_BYTES = 256 * 1024;
const LINKS_MAX = 8;

/**
 * The files of a tar archive, taken apart into a temporary folder under numbers: the names in the archive are looked up here and
 * never reach the file system.
 */
export class ArchiveTree implements FileTree, TarHandler, AsyncDisposable {
  readonly #directory: string;
  readonly #files = new Map<string, string>();
  readonly #links = new Map<string, string>();
  #fd: number | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(path: string, layout: StoreLayout, signal: AbortSignal): Promise<ArchiveTree> {
    const decompressor = createDecompressor(await detectCompression(path), CHUNK_BYTES);
    const tree = new ArchiveTree(layout.temporaryDirectory());
    try {
      await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), decompressor, (chunks) => tree.#read(chunks), {
        signal,
      });
      return tree;
    } catch (error) {
      await tree[Symbol.asyncDispose]();
      signal.throwIfAborted();
      throw explain(withDiskFull(error, `reading ${path}`), "SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `reading ${path}`);
    }
  }

  async find(name: string): Promise<string | undefined> {
    let current = posix.normalize(name);
    for (let hops = 0; hops < LINKS_MAX; hops++) {
      const file = this.#files.get(current);
      if (file !== undefined) return file;
      const target = this.#links.get(current);
      if (target === undefined) return undefined;
      current = target;
    }
    return undefined;
  }

  entry(entry: TarEntry): void {
    const name = posix.normalize(entry.name).replace(/^\//, "");
    this.#close();
    // docker before 25 wrote a layer that an archive holds twice as a link to the first.
    if (entry.type === "symlink") this.#links.set(name, posix.join(posix.dirname(name), entry.linkName));
    else if (entry.type === "link") this.#links.set(name, posix.normalize(entry.linkName));
    else if (entry.type === "file") this.#create(name);
  }

  data(chunk: Buffer): void {
    if (this.#fd === undefined) return;
    for (let offset = 0; offset < chunk.byteLength;) offset += writeSync(this.#fd, chunk, offset);
  }

  end(): void {
    this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #read(chunks: AsyncIterable<Buffer>): Promise<void> {
    const reader = new TarReader(this);
    for await (const chunk of chunks) reader.write(chunk);
    reader.end();
  }

  #create(name: string): void {
    const path = join(this.#directory, String(this.#files.size));
    this.#fd = openSync(path, "wx", 0o600);
    this.#files.set(name, path);
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }
}
