import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Static, TSchema } from "typebox";
import { parse } from "#contracts/parse.ts";
import { networkError } from "./errors.ts";

/** Reads a file that {@link writeJson} wrote; undefined when there is none. */
export async function readJson<Schema extends TSchema>(path: string, schema: Schema): Promise<Static<Schema> | undefined> {
  try {
    return parse(schema, JSON.parse(await readFile(path, "utf8")), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw networkError("SLIPWAY_NETWORK_STATE_UNREADABLE", `the network state in ${path} cannot be read: ${reason}`, {
      cause: error,
    });
  }
}

/** The file is either as before or whole and on disk: written beside, synced, renamed, and the folder synced. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp`;
  await using file = await open(temporary, "w", 0o600);
  await file.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
  await file.sync();
  await rename(temporary, path);
  await using folder = await open(directory, "r");
  await folder.sync();
}
