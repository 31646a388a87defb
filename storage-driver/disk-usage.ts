import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/** What a tree takes on its disk, as du(1) counts: hard links once, no link followed. What vanishes meanwhile counts nothing. */
export async function diskUsage(path: string, signal: AbortSignal): Promise<number> {
  const linked = new Set<string>();
  let bytes = 0;
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    signal.throwIfAborted();
    const found = await unlessGone(lstat(next));
    if (found === undefined || wasCounted(found, linked)) continue;
    bytes += found.blocks * BLOCK_BYTES;
    if (found.isDirectory()) pending.push(...(await namesIn(next)));
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
