import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type HomeLayout, homeLayout } from "#contracts/home.ts";
import type { Removable } from "./leftovers.ts";
import { readRecordedInstance } from "./recorded-instance.ts";
import { removeTree } from "./remove-tree.ts";

/** A file on its way to its name: of a write that was cut short, since nobody runs who would finish it. */
const UNFINISHED = /\.(new|tmp)$/;

/**
 * In a home that nobody uses: files of writes that were cut short, folders of launches that were never recorded, and FIFOs of containers
 * that run no more.
 */
export function findStaleFiles(home: string): Removable[] {
  const layout = homeLayout(home);
  const { keys, certificates, networks, instances, images, volumes } = layout;
  const folders = [home, keys, join(keys, "accounts"), certificates, networks, images, volumes];
  return [
    ...folders.flatMap((folder) => filesIn(folder, (name) => UNFINISHED.test(name), "it is a write that was cut short")),
    ...filesIn(home, (name) => name.startsWith("doctor-"), "doctor measured the disk in it"),
    ...filesIn(join(images, "tmp"), () => true, "it was on its way into the image store"),
    ...namesIn(instances).flatMap((id) => staleOf(layout, id)),
  ];
}

function staleOf(home: HomeLayout, instanceId: string): Removable[] {
  const path = join(home.instances, instanceId);
  const record = readRecordedInstance(home, instanceId);
  if (record === undefined) return [stale(path, "no instance was recorded in it")];
  // The next server closes a run that it believes in; its streams are looked for then.
  const isStream = (name: string): boolean =>
    name.endsWith(".fifo") && record.lifecycle.type !== "running" && record.launching === undefined;
  return [
    ...filesIn(path, (name) => UNFINISHED.test(name), "it is a write that was cut short"),
    ...filesIn(path, isStream, "it is a standard stream of a container that runs no more"),
  ];
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

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
