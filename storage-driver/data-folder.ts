import { chmod, lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "./durable-file.ts";
import { storageError } from "./errors.ts";
import type { Volume } from "./volume-driver.ts";

const DATA_MODE = 0o755;

/** The directory that containers see. */
export const dataPath = ({ folder }: Pick<Volume, "folder">): string => join(folder, "data");

/** Makes the volume's `data` directory, root's, when it is not there; refuses anything else in its place, such as a link. */
export async function createDataFolder(volume: Volume): Promise<void> {
  const path = dataPath(volume);
  if (await hasDataFolder(volume)) return;
  await mkdir(path, { mode: DATA_MODE });
  // mkdir's mode is cut by the umask.
  await chmod(path, DATA_MODE);
  await syncFolder(volume.folder);
}

export async function hasDataFolder(volume: Volume): Promise<boolean> {
  const path = dataPath(volume);
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found !== undefined && !found.isDirectory()) {
    throw storageError(
      "SLIPWAY_STORAGE_UNEXPECTED_PATH",
      `${path}, where volume ${volume.name} has its data, is no directory`,
    );
  }
  return found !== undefined;
}
