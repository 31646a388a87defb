import { chmod, mkdir, readdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "./durable-file.ts";
import { KeyedTurns } from "./keyed-turns.ts";
import { type VolumeKey, isKey } from "./volume-key.ts";
import { recordPath } from "./volume-record.ts";

/**
 * Root's alone: a container's root owns files with uid 0 in its volumes, setuid ones among them, and no other user of the host may come near.
 */
const PRIVATE_MODE = 0o700;

/** `<volumes>/<project>/<volume>`. */
export class VolumeFolders {
  readonly #root: string;
  /** A project's folder goes with its last volume, while another may be on its way in. */
  readonly #turns = new KeyedTurns();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<VolumeFolders> {
    await mkdir(root, { recursive: true, mode: PRIVATE_MODE });
    await chmod(root, PRIVATE_MODE);
    const folders = new VolumeFolders(root);
    await folders.#removeEmpty();
    return folders;
  }

  path({ project, volume }: VolumeKey): string {
    return join(this.#root, project, volume);
  }

  async create(key: VolumeKey): Promise<void> {
    await this.#turns.take(key.project, async () => {
      await mkdir(this.path(key), { recursive: true, mode: PRIVATE_MODE });
      await syncFolder(dirname(this.path(key)));
      await syncFolder(this.#root);
    });
  }

  /** Removes the record and then the folders that are empty: what somebody else has put there stays. */
  async remove(key: VolumeKey): Promise<void> {
    const folder = this.path(key);
    await this.#turns.take(key.project, async () => {
      await unlink(recordPath(folder));
      await syncFolder(folder);
      await removeIfEmpty(folder);
      await removeIfEmpty(dirname(folder));
      await syncFolder(this.#root);
    });
  }

  /** A process that was killed may have made a folder and no record in it, or removed the record and not the folder. */
  async #removeEmpty(): Promise<void> {
    for (const key of await this.keys()) await removeIfEmpty(this.path(key));
    for (const project of await foldersIn(this.#root)) await removeIfEmpty(join(this.#root, project));
  }

  /** Every folder that is named like a volume. */
  async keys(): Promise<VolumeKey[]> {
    const projects = await foldersIn(this.#root);
    const keys = await Promise.all(
      projects.map(async (project) => (await foldersIn(join(this.#root, project))).map((volume) => ({ project, volume }))),
    );
    return keys.flat().filter(isKey);
  }
}

/** None in a folder that is gone: the last volume of a project takes that with it, at any moment. */
async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY") throw error;
  });
}
