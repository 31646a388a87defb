import { lstatSync, type Stats } from "node:fs";
import { type BytePath, toFsPath } from "./byte-path.ts";

const IMPLICIT_MODE = 0o755;

/** What a directory gets at the end, when nothing is written into it any more. */
export interface DirectoryAttributes {
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970; undefined leaves it. */
  mtime: number | undefined;
}

/** A real directory (never a symlink) that this layer holds. */
export interface DirectoryNode {
  readonly path: BytePath;
  readonly children: Map<string, DirectoryNode>;
  /** The same directory in the layers below, topmost first, as far as they merge into this one. */
  readonly lowers: readonly BytePath[];
  /** Names that this layer hides from those below. */
  readonly whiteouts: Set<string>;
  attributes: DirectoryAttributes;
}

/** A directory without an entry of its own shows, in the overlay, the attributes that it had below. */
export function openNode(path: BytePath, lowers: readonly BytePath[]): DirectoryNode {
  const [lower] = lowers;
  const stat: Stats | undefined = lower === undefined ? undefined : lstatSync(toFsPath(lower));
  const attributes: DirectoryAttributes =
    stat === undefined
      ? { mode: IMPLICIT_MODE, uid: 0, gid: 0, mtime: undefined }
      : { mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtime: stat.mtimeMs / 1000 };
  return { path, children: new Map(), lowers, whiteouts: new Set(), attributes };
}

/** The directories of this name in the layers below that merge into a new one: down to the first that is none. */
export function mergedLowers(lowers: readonly BytePath[], name: string): BytePath[] {
  const merged: BytePath[] = [];
  for (const lower of lowers) {
    const path = `${lower}/${name}`;
    const stat = lstatSync(toFsPath(path), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) break;
    merged.push(path);
  }
  return merged;
}
