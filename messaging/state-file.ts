import { randomBytes } from "node:crypto";
import { glob, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Writes a file so that a reader, and a machine that lost power, find either the old contents or the new: temporary name,
 * fsync, rename, fsync of the folder (rename(2): atomic, but not durable before the folder is).
 */
export async function writeStateFile(path: string, contents: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await writeSynced(temporary, contents, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes what writers that were killed have left in a folder. Only for who knows that nobody writes there now. */
export async function removeUnfinished(folder: string): Promise<void> {
  for await (const name of glob("*.tmp", { cwd: folder })) await rm(join(folder, name), { force: true });
}

/** Makes a folder that only its owner may enter, whatever the umask says. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await using folder = await open(path, "r");
  await folder.chmod(0o700);
}

/** Removes a file so that it stays removed. */
export async function removeStateFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

async function writeSynced(path: string, contents: string, mode: number): Promise<void> {
  await using file = await open(path, "wx", mode);
  await file.chmod(mode);
  await file.writeFile(contents);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
