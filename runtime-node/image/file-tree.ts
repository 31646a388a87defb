import { constants, createReadStream } from "node:fs";
import { lstat, open, readFile } from "node:fs/promises";
import { posix, resolve, sep } from "node:path";

/** Named files of an image on disk: those of a folder, or those that an archive held. Names are relative and use `/`. */
export interface FileTree {
  /** A path to read the file from; undefined when there is no such file. */
  find(name: string): Promise<string | undefined>;
}

/** The files below a folder; a name that climbs out of it, or a symlink, is not one. */
export class FolderTree implements FileTree {
  readonly #root: string;

  constructor(root: string) {
    this.#root = resolve(root);
  }

  async find(name: string): Promise<string | undefined> {
    const path = resolve(this.#root, posix.normalize(name));
    if (!path.startsWith(`${this.#root}${sep}`)) return undefined;
    const stat = await lstat(path).catch(() => undefined);
    return stat?.isFile() === true ? path : undefined;
  }
}

export async function readTreeFile(tree: FileTree, name: string): Promise<Buffer | undefined> {
  const path = await tree.find(name);
  return path === undefined ? undefined : readFile(path);
}

/** A file's bytes; O_NOFOLLOW, since what lay there when it was found may have been exchanged. */
export async function* streamFile(path: string, signal: AbortSignal): AsyncIterable<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  yield* createReadStream(path, { fd: file, highWaterMark: 256 * 1024, signal }) as AsyncIterable<Buffer>;
}
