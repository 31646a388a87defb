import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { SpanDatabase } from "./span-database.ts";

/** SQLite's own: SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html). */
const DAMAGED = new Set([11, 26]);

/**
 * Opens the database; one that cannot be opened is set aside (the last such alone is kept) and a new one begun: old traces are worth less
 * than new ones.
 */
export function openDatabase(path: string, notice: (text: string) => void): SpanDatabase {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return new SpanDatabase(path);
  } catch (error) {
    if (!existsSync(path)) throw error;
    if (!isDamage(error) && !isOtherVersion(error)) throw error;
    setAside(path, error as Error, notice);
    return new SpanDatabase(path);
  }
}

/** Takes the file out of the way, with what belongs to it. */
export function setAside(path: string, why: Error, notice: (text: string) => void): void {
  const aside = `${path}.damaged`;
  rmSync(aside, { force: true });
  renameSync(path, aside);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  notice(`${path} cannot be used (${why.message}): it is now ${aside}, and traces begin anew`);
}

export function isDamage(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  // Extended codes have the primary one in their low byte.
  return typeof errcode === "number" && DAMAGED.has(errcode & 0xff);
}

const isOtherVersion = (error: unknown): boolean => error instanceof Error && error.message.startsWith("it is of version");
