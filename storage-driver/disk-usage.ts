import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;
/** Few enough that other calls of this process find a thread of libuv's between them. */
const AT_ONCE = 16;

/** What a tree takes on its disk, as du(1) counts: hard links once, no link followed. What vanishes meanwhile counts nothing. */
export async function diskUsage(path: string, signal: AbortSignal): Promise<number> {
  const linked = new Set<string>();
  let bytes = 0;
  const pending = [path];
  while (pending.length > 0) {
    signal.throwIfAborted();
    const some = pending.splice(-AT_ONCE);
    const found = await Promise.all(some.map((next) => unlessGone(lstat(next))));
    for (const [index, stat] of found.entries()) {
      if (stat === undefined || wasCounted(stat, linked)) continue;
      bytes += stat.blocks * BLOCK_BYTES;
      // One by one: as arguments of push they would be more than the stack holds.
      if (stat.isDirectory()) for (const name of await namesIn(some[index] as string)) pending.push(name);
    }
  }
  return bytes;
}

function wasCounted(
  found: { dev: number; ino: number; nlink: number; isDirectory(): boolean },
  linked: Set<string>,
): boolean {
  if (found.nlink < 2 || found.isDirectory()) return false;
  const identity = `${found.dev} ${found.ino}`;
  if (linked.has(identity)) return true;
  linked.add(identity);
  return false;
}

async function namesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of (await unlessGone(opendir(path))) ?? []) names.push(join(path, entry.name));
  return names;
}

async function unlessGone<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw error;
  }
}
