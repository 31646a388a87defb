import { lstatSync, mkdirSync, readlinkSync, rmSync } from "node:fs";
import { type BytePath, toBytePath, toDisplay, toFsPath } from "./byte-path.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { type DirectoryNode, mergedLowers, openNode } from "./directory-node.ts";
import { imageError } from "./errors.ts";
import { makeOpaque } from "./whiteout.ts";

/** path_resolution(7): the kernel's own limit. */
const SYMLINKS_MAX = 40;
export interface Place {
  directory: DirectoryNode;
  name: string;
  path: BytePath;
}

/**
 * The directories of a layer while it is unpacked. Nobody else writes there, so a node stands for a real directory, and a path
 * is resolved over nodes instead of by the kernel: a symlink is followed as a container would follow it, inside of the
 * layer's root, and one that climbs over it is refused.
 */
export class LayerTree {
  readonly root: DirectoryNode;
  readonly #kernel: Kernel;

  /** `lowers`: the absolute root directories of the layers below, topmost first. */
  constructor(kernel: Kernel, root: string, lowers: readonly string[]) {
    this.#kernel = kernel;
    this.root = openNode(toBytePath(root), lowers.map(toBytePath));
  }

  /** Where an entry goes, its parents made where they are missing; undefined for the root itself. */
  place(entryName: BytePath): Place | undefined {
    const parts = this.#split(entryName);
    const name = parts.pop();
    if (name === undefined) return undefined;
    const directory = this.#walk(parts, entryName, true);
    return { directory, name, path: `${directory.path}/${name}` };
  }

  /** The path of an entry that is there already, its last part not followed: a hard link's target. */
  locate(target: BytePath): BytePath {
    const parts = this.#split(target);
    const name = parts.pop();
    if (name === undefined) throw damaged(`${toDisplay(target)} is the target of a hard link`);
    return `${this.#walk(parts, target, false).path}/${name}`;
  }

  /** The directory at a place, made new when there is none; what stood there goes. */
  makeDirectory({ directory, name, path }: Place): DirectoryNode {
    const existing = directory.children.get(name);
    if (existing !== undefined) return existing;
    const isHidden = directory.whiteouts.has(name);
    this.clear({ directory, name, path });
    mkdirSync(toFsPath(path), 0o700);
    if (isHidden) makeOpaque(this.#kernel, path);
    const node = openNode(path, isHidden ? [] : mergedLowers(directory.lowers, name));
    directory.children.set(name, node);
    return node;
  }

  /** Removes what stands at a place. */
  clear({ directory, name, path }: Place): void {
    directory.children.delete(name);
    directory.whiteouts.delete(name);
    rmSync(toFsPath(path), { recursive: true, force: true });
  }

  /** Every directory, each after those that it holds. */
  directories(): DirectoryNode[] {
    const found = [this.root];
    for (const node of found) found.push(...node.children.values());
    return found.toReversed();
  }

  #split(entryName: BytePath): string[] {
    const parts: string[] = [];
    for (const part of entryName.split("/")) {
      if (part === "" || part === ".") continue;
      if (part !== "..") parts.push(part);
      else if (parts.pop() === undefined) throw escapes(entryName);
    }
    return parts;
  }

  #walk(parts: readonly string[], entryName: BytePath, create: boolean): DirectoryNode {
    const pending = parts.toReversed();
    const ancestors = [this.root];
    let symlinks = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      const node = ancestors.at(-1) as DirectoryNode;
      if (part === "..") {
        if (ancestors.length === 1) throw escapes(entryName);
        ancestors.pop();
        continue;
      }
      const child = node.children.get(part);
      if (child !== undefined) {
        ancestors.push(child);
        continue;
      }
      const target = this.#symlinkTarget(node, part);
      if (target === undefined) {
        ancestors.push(this.#missing(node, part, entryName, create));
        continue;
      }
      if (++symlinks > SYMLINKS_MAX) throw damaged(`${toDisplay(entryName)} goes through a loop of symlinks`);
      if (target.startsWith("/")) ancestors.length = 1;
      pending.push(
        ...target
          .split("/")
          .filter((piece) => piece !== "" && piece !== ".")
          .toReversed(),
      );
    }
    return ancestors.at(-1) as DirectoryNode;
  }

  #missing(node: DirectoryNode, name: string, entryName: BytePath, create: boolean): DirectoryNode {
    if (!create) throw damaged(`${toDisplay(entryName)} is the target of a hard link and not there`);
    const place = { directory: node, name, path: `${node.path}/${name}` };
    const stat = lstatSync(toFsPath(place.path), { throwIfNoEntry: false });
    if (stat !== undefined && !node.whiteouts.has(name)) {
      throw damaged(`${toDisplay(entryName)} lies under ${toDisplay(place.name)}, which is not a directory`);
    }
    return this.makeDirectory(place);
  }

  #symlinkTarget(node: DirectoryNode, name: string): BytePath | undefined {
    try {
      return readlinkSync(toFsPath(`${node.path}/${name}`), "latin1");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "EINVAL") return undefined;
      throw error;
    }
  }
}

function escapes(entryName: BytePath): Error {
  return imageError(
    "SLIPWAY_IMAGE_LAYER_ESCAPES",
    `the layer's entry ${toDisplay(entryName)} climbs out of the layer's root`,
  );
}

function damaged(reason: string): Error {
  return imageError("SLIPWAY_IMAGE_CORRUPT_LAYER", `unpacking a layer: ${reason}`);
}
