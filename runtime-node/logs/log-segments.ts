import { closeSync, existsSync, fstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const CURRENT_FILE = "current.ndjson";
const ROTATED = /^(\d{10})\.ndjson$/;

/** Rotated files carry a number that counts up for ever: their names never move on to other content. */
export function rotatedName(sequence: number): string {
  return `${String(sequence).padStart(10, "0")}.ndjson`;
}

/** The numbers of the rotated files, oldest first. */
export function rotatedSequences(directory: string): number[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return names
    .flatMap((name) => ROTATED.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** An open file of a log. It stays readable when it is rotated, and even when it is deleted. */
export class LogSegment implements Disposable {
  readonly fd: number;
  readonly inode: number;
  #closed = false;

  constructor(path: string) {
    this.fd = openSync(path, "r");
    this.inode = fstatSync(this.fd).ino;
  }

  get size(): number {
    return fstatSync(this.fd).size;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

/** Opens every file of a log that follows the one with `afterInode`, oldest first; all of them when that one is gone. */
export function openSegments(directory: string, afterInode?: number): LogSegment[] {
  for (;;) {
    const segments = tryOpenSegments(directory);
    if (segments === undefined) continue;
    const known = segments.findIndex(({ inode }) => inode === afterInode);
    for (const segment of segments.slice(0, known + 1)) segment[Symbol.dispose]();
    return segments.slice(known + 1);
  }
}

/** Undefined when the files were rotated meanwhile: another process may be writing. */
function tryOpenSegments(directory: string): LogSegment[] | undefined {
  const sequences = rotatedSequences(directory);
  const segments = [...sequences.map(rotatedName), CURRENT_FILE].flatMap((name) => openIfThere(join(directory, name)));
  if (rotatedSequences(directory).at(-1) === sequences.at(-1)) return segments;
  for (const segment of segments) segment[Symbol.dispose]();
  return undefined;
}

function openIfThere(path: string): LogSegment[] {
  try {
    return [new LogSegment(path)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
