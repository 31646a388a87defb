import { readFileSync, writeFileSync } from "node:fs";

/**
 * Settings under /proc/sys/net. They belong to the network namespace of the *thread*, so they are read and written
 * synchronously: Node's asynchronous file calls run on other threads.
 */
export function readNetSetting(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/${path}`, "utf8").trim();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** False when this kernel has no such setting (IPv6 switched off at boot). */
export function writeNetSetting(path: string, value: string): boolean {
  try {
    writeFileSync(`/proc/sys/net/${path}`, value);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
