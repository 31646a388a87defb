import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { storageError } from "./errors.ts";

/** Replaces a file so that a crash at any point leaves the old text or the new, and the new is on the disk when this resolves. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  try {
    await writeAndSync(temporary, text);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    throw storageError("SLIPWAY_STORAGE_WRITE_FAILED", `${path} could not be written`, { cause });
  }
}

/** Makes what was created, renamed or removed in a folder last. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

async function writeAndSync(path: string, text: string): Promise<void> {
  await using file = await open(path, "w", 0o600);
  await file.writeFile(text);
  await file.sync();
}
