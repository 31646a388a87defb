import {
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  linkSync,
  lchownSync,
  lutimesSync,
  openSync,
  symlinkSync,
  chmodSync,
  constants,
  writeSync,
} from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";
import { type BytePath, toDisplay, toFsPath } from "./byte-path.ts";
import type { DirectoryNode } from "./directory-node.ts";
import { imageError } from "./errors.ts";
import { LayerTree, type Place } from "./layer-tree.ts";
import type { TarEntry, TarHandler } from "./tar-reader.ts";
import { hideFromBelow, makeOpaque, OPAQUE_MARKER, WHITEOUT_PREFIX, WHITEOUT_RESERVED } from "./whiteout.ts";
import { makeSpecialFile } from "./special-file.ts";
import { setExtendedAttributes } from "./extended-attributes.ts";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const PERMISSIONS = 0o7777;

/**
 * Writes a layer's entries below a root directory, in overlayfs's form (whiteouts as devices 0:0, opaque directories marked).
 * Synchronous: it is called a chunk at a time, and a system call is shorter than the way through the thread pool.
 */
export class LayerExtractor implements TarHandler, Disposable {
  readonly #kernel: Kernel;
  readonly #tree: LayerTree;
  #fd: number | undefined;
  #file: TarEntry | undefined;
  #path: BytePath = "";

  /** `lowers`: the root directories of the layers below, topmost first. */
  constructor(kernel: Kernel, root: string, lowers: readonly string[]) {
    this.#kernel = kernel;
    this.#tree = new LayerTree(kernel, root, lowers);
  }

  entry(entry: TarEntry): void {
    const place = this.#tree.place(entry.name);
    if (place === undefined) this.#setRoot(entry);
    else if (place.name.startsWith(WHITEOUT_PREFIX)) this.#hide(place);
    else if (entry.type === "directory") this.#describe(this.#tree.makeDirectory(place), entry);
    else this.#make(place, entry);
  }

  data(chunk: Buffer): void {
    if (this.#fd === undefined) return;
    for (let offset = 0; offset < chunk.byteLength;) offset += writeSync(this.#fd, chunk, offset);
  }

  end(): void {
    const fd = this.#fd;
    const entry = this.#file;
    if (fd === undefined || entry === undefined) return;
    // In this order: chown(2) clears the setuid bit and the file capability.
    fchownSync(fd, entry.uid, entry.gid);
    fchmodSync(fd, entry.mode & PERMISSIONS);
    setExtendedAttributes(this.#kernel, this.#path, entry.xattrs);
    futimesSync(fd, seconds(entry.mtime), seconds(entry.mtime));
    this.#close();
  }

  /** To be called after the last entry: gives the directories what writing into them would have changed. */
  finish(): void {
    for (const { path, attributes } of this.#tree.directories()) {
      const target = toFsPath(path);
      lchownSync(target, attributes.uid, attributes.gid);
      chmodSync(target, attributes.mode & PERMISSIONS);
      if (attributes.mtime !== undefined) lutimesSync(target, seconds(attributes.mtime), seconds(attributes.mtime));
    }
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    this.#file = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  #setRoot(entry: TarEntry): void {
    if (entry.type !== "directory") throw broken(`its root is a ${entry.type}`);
    this.#describe(this.#tree.root, entry);
  }

  #describe(node: DirectoryNode, entry: TarEntry): void {
    node.attributes = { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime };
    setExtendedAttributes(this.#kernel, node.path, entry.xattrs);
  }

  #hide({ directory, name }: Place): void {
    if (name === OPAQUE_MARKER) return makeOpaque(this.#kernel, directory.path);
    if (name.startsWith(WHITEOUT_RESERVED)) return;
    const hidden = name.slice(WHITEOUT_PREFIX.length);
    if (hidden === "" || hidden === "." || hidden === "..") throw broken(`its whiteout ${toDisplay(name)} names nothing`);
    const child = directory.children.get(hidden);
    if (child !== undefined) return makeOpaque(this.#kernel, child.path);
    if (hideFromBelow(this.#kernel, `${directory.path}/${hidden}`)) directory.whiteouts.add(hidden);
  }

  #make(place: Place, entry: TarEntry): void {
    try {
      this.#create(place, entry);
    } catch (error) {
      if (!alreadyExists(error)) throw error;
      this.#tree.clear(place);
      this.#create(place, entry);
    }
    if (entry.type === "file" || entry.type === "link") return;
    const target = toFsPath(place.path);
    lchownSync(target, entry.uid, entry.gid);
    if (entry.type !== "symlink") chmodSync(target, entry.mode & PERMISSIONS);
    setExtendedAttributes(this.#kernel, place.path, entry.xattrs);
    lutimesSync(target, seconds(entry.mtime), seconds(entry.mtime));
  }

  #create({ path }: Place, entry: TarEntry): void {
    switch (entry.type) {
      case "file":
        this.#fd = openSync(toFsPath(path), CREATE, 0o600);
        this.#file = entry;
        this.#path = path;
        return;
      case "symlink":
        return symlinkSync(toFsPath(entry.linkName), toFsPath(path));
      case "link":
        return this.#link(entry, path);
      case "fifo":
      case "character-device":
      case "block-device":
        return makeSpecialFile(this.#kernel, path, { ...entry, type: entry.type });
      case "directory":
        throw broken("a directory came where none may");
    }
  }

  #link(entry: TarEntry, path: BytePath): void {
    const target = this.#tree.locate(entry.linkName);
    // A link to itself is what some builders write for "unchanged": replacing it would lose the file.
    if (target === path) return;
    try {
      linkSync(toFsPath(target), toFsPath(path));
    } catch (error) {
      if (alreadyExists(error)) throw error;
      throw broken(
        `${toDisplay(entry.name)} is a hard link to ${toDisplay(entry.linkName)}, which is not a file of it`,
        error,
      );
    }
  }
}

function alreadyExists(error: unknown): boolean {
  const { code, errno } = error as { code?: string; errno?: string | number };
  return code === "EEXIST" || errno === "EEXIST";
}

function seconds(mtime: number): number {
  return Number.isFinite(mtime) ? mtime : 0;
}

function broken(reason: string, cause?: unknown): Error {
  return imageError("SLIPWAY_IMAGE_CORRUPT_LAYER", `unpacking a layer: ${reason}`, cause === undefined ? {} : { cause });
}
