import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import type { Removable } from "./leftovers.ts";
import { removeTree } from "./remove-tree.ts";

/** A file on its way to its name: of a write that was cut short, since nobody runs who would finish it. */
const UNFINISHED = /\.(new|tmp)$/;

/**
 * In a home that nobody uses: files of writes that were cut short, folders of launches that were never recorded, and FIFOs of containers
 * that run no more.
 */
export function findStaleFiles(home: string): Removable[] {
  const { keys, certificates, networks, instances, images, volumes } = homeLayout(home);
  const folders = [home, keys, join(keys, "accounts"), certificates, networks, images, volumes];
  return [
    ...folders.flatMap((folder) => filesIn(folder, (name) => UNFINISHED.test(name), "it is a write that was cut short")),
    ...filesIn(home, (name) => name.startsWith("doctor-"), "doctor measured the disk in it"),
    ...filesIn(join(images, "tmp"), () => true, "it was on its way into the image store"),
    ...foldersOf(instances).flatMap(staleOf),
  ];
}

function staleOf(folder: string): Removable[] {
  const record = readRecord(folder);
  if (record === undefined) return [stale(folder, "no instance was recorded in it")];
  // The next server closes a run that it believes in; its streams are looked for then.
  const isStream = (name: string): boolean => name.endsWith(".fifo") && record.lifecycle.type !== "running";
  return [
    ...filesIn(folder, (name) => UNFINISHED.test(name), "it is a write that was cut short"),
    ...filesIn(folder, isStream, "it is a standard stream of a container that runs no more"),
  ];
}

function readRecord(folder: string): { lifecycle: { type: string } } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "record.json"), "utf8")) as { lifecycle: { type: string } };
  } catch {
    return undefined;
  }
}

function filesIn(folder: string, isStale: (name: string) => boolean, ours: string): Removable[] {
  return namesIn(folder)
    .filter(isStale)
    .map((name) => stale(join(folder, name), ours));
}

const stale = (path: string, ours: string): Removable => ({
  kind: "file",
  name: path,
  ours,
  remove: () => removeTree(path),
});

const foldersOf = (folder: string): string[] => namesIn(folder).map((name) => join(folder, name));

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
