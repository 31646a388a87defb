import { chownSync, renameSync, rmSync, writeFileSync } from "node:fs";

export interface ReplaceOptions {
  /** Permission bits, 0o600 when absent. */
  mode?: number;
  owner?: { uid: number; gid: number };
}

/**
 * Writes a file beside its name and renames it: who reads it, also after a kill at any moment, finds the old text or the new. Nothing is
 * synced: it is for a file system in memory, or for what a power cut may take. Synchronous: there it takes microseconds.
 */
export function replaceFile(path: string, content: string, { mode = 0o600, owner }: ReplaceOptions = {}): void {
  const unfinished = `${path}.new`;
  try {
    writeFileSync(unfinished, content, { mode });
    if (owner !== undefined) chownSync(unfinished, owner.uid, owner.gid);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}
