import { readFile } from "node:fs/promises";
import { writeStateFile } from "../state-file.ts";
import { Nkey, type NkeyKind } from "./nkey.ts";

/** The key kept in a file (its seed, 0600), made on first use. */
export async function loadOrCreateKey(path: string, kind: NkeyKind): Promise<Nkey> {
  const seed = await readIfPresent(path);
  if (seed !== undefined) return Nkey.fromSeed(kind, seed, path);
  const key = Nkey.generate(kind);
  await writeStateFile(path, `${key.seed}\n`);
  return key;
}

/** A file's text, or undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
