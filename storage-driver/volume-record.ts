import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { InstanceId } from "#contracts/names.ts";
import { parse } from "#contracts/parse.ts";
import { writeDurably } from "./durable-file.ts";
import { storageError } from "./errors.ts";

/** Who uses a volume. */
export const VolumeLease = Type.Object({
  instanceId: InstanceId,
  access: Type.Union([Type.Literal("read-write"), Type.Literal("read-only")]),
  /** RFC 3339. */
  since: Type.String(),
});
export type VolumeLease = Static<typeof VolumeLease>;

/**
 * What is known of a volume, in `volume.json` beside its data. creating: its driver may have made it or not. ready: it can be used. removing:
 * some of its data may be gone, and it is never used again.
 */
export const VolumeRecord = Type.Object({
  format: Type.Literal(1),
  project: Type.String(),
  volume: Type.String(),
  driver: Type.String(),
  options: Type.Record(Type.String(), Type.String()),
  labels: Type.Record(Type.String(), Type.String()),
  state: Type.Union([Type.Literal("creating"), Type.Literal("ready"), Type.Literal("removing")]),
  createdAt: Type.String(),
  leases: Type.Array(VolumeLease),
});
export type VolumeRecord = Static<typeof VolumeRecord>;

export const recordPath = (folder: string): string => join(folder, "volume.json");

/** The record in a volume's folder, or undefined when there is none. Throws SLIPWAY_STORAGE_RECORD_INVALID for a damaged one. */
export async function readRecord(folder: string): Promise<VolumeRecord | undefined> {
  const path = recordPath(folder);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return parse(VolumeRecord, JSON.parse(text), path);
  } catch (cause) {
    throw storageError("SLIPWAY_STORAGE_RECORD_INVALID", `${path} is not the record of a volume`, { cause });
  }
}

export async function writeRecord(folder: string, record: VolumeRecord): Promise<void> {
  await writeDurably(recordPath(folder), `${JSON.stringify(record, undefined, 2)}\n`);
}
