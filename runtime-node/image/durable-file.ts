import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file that is, after a crash at any moment, either the old one or the new one: temporary name, fsync, rename, fsync of the folder. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`;
  try {
    await using file = await open(temporary, "w", 0o600);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes the renames in a folder durable (fsync(2)). */
export async function syncDirectory(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
