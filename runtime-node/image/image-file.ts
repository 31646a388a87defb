import { stat } from "node:fs/promises";
import { ArchiveTree } from "./archive-tree.ts";
import { readDockerArchive } from "./docker-archive.ts";
import { explain, imageError } from "./errors.ts";
import { type FileTree, FolderTree } from "./file-tree.ts";
import type { ImageSource } from "./image-source.ts";
import { readOciLayout, type StoredImage } from "./oci-layout.ts";
import { type ImageReference, parseReference } from "./reference.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Opens a file or folder that holds images; disposal removes what was taken apart on the way. */
export async function openImageFile(
  path: string,
  options: { layout: StoreLayout; signal: AbortSignal },
): Promise<ImageFile> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw explain(error, "SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `opening ${path}`);
    },
  );
  if (isFolder) return new ImageFile(path, await readImages(new FolderTree(path), path), undefined);
  const archive = await ArchiveTree.open(path, options.layout, options.signal);
  try {
    return new ImageFile(path, await readImages(archive, path), archive);
  } catch (error) {
    await archive[Symbol.asyncDispose]();
    throw error;
  }
}

async function readImages(tree: FileTree, path: string): Promise<StoredImage[]> {
  try {
    // docker from 25 on writes both; the layout has the manifest that a registry would have.
    if ((await tree.find("oci-layout")) !== undefined) return await readOciLayout(tree, path);
    return await readDockerArchive(tree, path);
  } catch (error) {
    throw explain(error, "SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `reading ${path}`);
  }
}

/** The images of a file or folder. */
export class ImageFile implements AsyncDisposable {
  readonly #path: string;
  readonly #images: readonly StoredImage[];
  readonly #archive: AsyncDisposable | undefined;

  constructor(path: string, images: readonly StoredImage[], archive: AsyncDisposable | undefined) {
    this.#path = path;
    this.#images = images;
    this.#archive = archive;
  }

  /** Every image under its own name, or the one that is to be called `wanted`: of several, the one whose name that is. */
  select(wanted: ImageReference | undefined): { reference: ImageReference; source: ImageSource }[] {
    const images = this.#images.map(({ name, source }) => ({ name, source }));
    if (images.length === 0) throw imageError("SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `${this.#path} holds no image with a name`);
    if (wanted === undefined) return images.map(({ name, source }) => ({ reference: parseReference(name), source }));
    const [only] = images;
    if (images.length === 1 && only !== undefined) return [{ reference: wanted, source: only.source }];
    const named = images.find(({ name }) => parseReference(name).canonical === wanted.canonical);
    if (named !== undefined) return [{ reference: wanted, source: named.source }];
    const names = images.map(({ name }) => name).join(", ");
    throw imageError(
      "SLIPWAY_IMAGE_AMBIGUOUS_IMPORT",
      `${this.#path} holds ${names}: which of them is to be ${wanted.familiar}?`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive?.[Symbol.asyncDispose]();
  }
}
