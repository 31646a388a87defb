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

/**
 * Writes a value that keeps changing. Changes made while a write is under way share the next one, so that a burst of starts
 * costs two syncs and not one each.
 */
export class DurableJson {
  readonly #path: string;
  readonly #current: () => unknown;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string, current: () => unknown) {
    this.#path = path;
    this.#current = current;
  }

  /** Resolves when everything that was true at the call is on disk. */
  save(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const write = writeJson(this.#path, this.#current());
    const settled = write.finally(() => {
      if (this.#running === settled) this.#running = undefined;
    });
    this.#running = settled;
    return settled;
  }
}
