import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseDigest } from "./digest.ts";

/**
 * The folders of an image store:
 * `blobs/<algorithm>/<hex>` what was downloaded; `layers/<hex of the chain id>` unpacked; `tmp/` what is on its way in or out;
 * `images.json` what the names stand for. All of it is root's alone: layers hold files with setuid bits.
 */
export class StoreLayout {
  readonly directory: string;
  readonly imagesFile: string;
  readonly #temporary: string;

  constructor(directory: string) {
    this.directory = directory;
    this.imagesFile = join(directory, "images.json");
    this.#temporary = join(directory, "tmp");
  }

  /** Makes the folders, and removes what a process that was killed left on its way. */
  async prepare(): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true });
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    for (const name of ["tmp", "layers", "blobs/sha256", "blobs/sha512"]) {
      await mkdir(join(this.directory, name), { recursive: true, mode: 0o700 });
    }
  }

  /** A new path in `tmp`, on the same file system as everything else. */
  temporaryPath(): string {
    return join(this.#temporary, randomUUID());
  }

  temporaryDirectory(): string {
    const path = this.temporaryPath();
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  blobPath(digest: string): string {
    const { algorithm, hex } = parseDigest(digest);
    return join(this.directory, "blobs", algorithm, hex);
  }

  hasBlob(digest: string): boolean {
    return existsSync(this.blobPath(digest));
  }

  layerPath(chainId: string): string {
    return join(this.directory, "layers", parseDigest(chainId).hex);
  }

  hasLayer(chainId: string): boolean {
    return existsSync(this.layerPath(chainId));
  }

  /** Everything there is, as digests and chain ids with their paths. */
  async contents(): Promise<{ blobs: Map<string, string>; layers: Map<string, string> }> {
    const blobs = new Map<string, string>();
    for (const algorithm of ["sha256", "sha512"]) {
      const folder = join(this.directory, "blobs", algorithm);
      for (const hex of await readdir(folder)) blobs.set(`${algorithm}:${hex}`, join(folder, hex));
    }
    const folder = join(this.directory, "layers");
    const layers = new Map((await readdir(folder)).map((hex) => [`sha256:${hex}`, join(folder, hex)]));
    return { blobs, layers };
  }

  /** Takes a file or folder out at once, so that a crash leaves no half of it; the space is free when the promise resolves. */
  async discard(path: string): Promise<void> {
    const grave = this.temporaryPath();
    renameSync(path, grave);
    await rm(grave, { recursive: true, force: true });
  }
}
