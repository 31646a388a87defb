import { randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const temporaryName = (path: string): string => `${path}.${randomBytes(6).toString("hex")}.tmp`;

/** Removes what a process that was killed had on its way to this name. One that is still at it writes again with its next change. */
export async function removeUnfinished(path: string): Promise<void> {
  const folder = dirname(path);
  const isUnfinished = (name: string): boolean =>
    name.startsWith(`${basename(path)}.`) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(basename(path).length + 1));
  for (const name of (await readdir(folder)).filter(isUnfinished)) await rm(join(folder, name), { force: true });
}

/** Writes a file so that after a crash it is the old one or the new one: temporary name, fsync, rename, fsync of the folder. */
export async function writeFileAtomically(path: string, content: string, mode: number): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Writes a file that nobody has written yet, whole; an existing one is left as it is. */
export async function createFileOnce(path: string, content: string, mode: number): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, content, mode);
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

async function writeSynced(path: string, content: string, mode: number): Promise<void> {
  await using file = await open(path, "wx", mode);
  // The umask may have taken bits away; the key of a certificate may have none too many.
  await file.chmod(mode);
  await file.writeFile(content);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
