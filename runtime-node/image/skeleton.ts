import { createHash, randomUUID } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFileSystem } from "#kernel/sync-file-system.ts";
import type { Skeleton } from "./host-image.ts";

const UNFINISHED = ".making-";

/**
 * Makes a skeleton (folders, generated files, symlinks, mount points for the binds) below `directory` and returns its path: a lower
 * layer of a container's overlay. Made once for each content.
 */
export async function prepareSkeleton(directory: string, skeleton: Skeleton): Promise<string> {
  const root = join(directory, contentHash(skeleton));
  if (existsSync(root)) return root;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeUnfinished(directory);
  const making = join(directory, `${UNFINISHED}${process.pid}-${randomUUID()}`);
  try {
    await fill(making, skeleton);
    // Whoever finds the name takes what is in it for whole, also after a power cut.
    await syncFileSystem(making);
    await rename(making, root);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    // Another launch was faster.
    if (!existsSync(root)) throw error;
  }
  return root;
}

async function fill(root: string, skeleton: Skeleton): Promise<void> {
  await mkdir(root, { mode: 0o755 });
  for (const { path, mode } of skeleton.directories) {
    await mkdir(join(root, path), { recursive: true });
    await chmod(join(root, path), mode);
  }
  for (const { path, content, mode } of skeleton.files) {
    await mkdir(join(root, dirname(path)), { recursive: true, mode: 0o755 });
    await writeFile(join(root, path), content, { mode });
    await chmod(join(root, path), mode);
  }
  for (const { target, path } of skeleton.symlinks) await symlink(target, join(root, path));
  for (const { source, target } of skeleton.binds) await makeMountPoint(source, join(root, target));
}

async function makeMountPoint(source: string, path: string): Promise<void> {
  if (statSync(source).isDirectory()) {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, "", { mode: 0o755 });
}

/** Of processes that were killed while they made one; ours may be at it right now. */
async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const isForeign = name.startsWith(UNFINISHED) && !name.startsWith(`${UNFINISHED}${process.pid}-`);
    if (isForeign) await rm(join(directory, name), { recursive: true, force: true });
  }
}

function contentHash(skeleton: Skeleton): string {
  const hash = createHash("sha256");
  for (const { path, content, mode } of skeleton.files)
    hash.update(`${path}\0${mode}\0${content.byteLength}\0`).update(content);
  hash.update(JSON.stringify([skeleton.directories, skeleton.symlinks, skeleton.binds]));
  return hash.digest("hex").slice(0, 16);
}
