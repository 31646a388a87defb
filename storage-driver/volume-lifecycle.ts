import { storageError } from "./errors.ts";
import type { Volume, VolumeDriver } from "./volume-driver.ts";
import type { VolumeFolders } from "./volume-folders.ts";
import { type VolumeKey, volumeName } from "./volume-key.ts";
import { type VolumeRecord, readRecord, writeRecord } from "./volume-record.ts";

/** A volume that can be used: its record, its driver, and how the driver is told of it. */
export interface ReadyVolume {
  record: VolumeRecord;
  driver: VolumeDriver;
  volume: Volume;
}

/**
 * Makes and removes volumes: creating → ready → removing → gone. Each state is on the disk before the driver acts, so what a crash interrupts
 * is completed when the volume is next looked at.
 */
export class VolumeLifecycle {
  readonly #folders: VolumeFolders;
  readonly #drivers: ReadonlyMap<string, VolumeDriver>;

  constructor(folders: VolumeFolders, drivers: readonly VolumeDriver[]) {
    this.#folders = folders;
    this.#drivers = new Map(drivers.map((driver) => [driver.name, driver]));
  }

  driver(name: string): VolumeDriver {
    const driver = this.#drivers.get(name);
    if (driver !== undefined) return driver;
    const known = [...this.#drivers.keys()].join(", ");
    throw storageError("SLIPWAY_STORAGE_DRIVER_UNKNOWN", `there is no volume driver ${name}; there are ${known}`);
  }

  async create(
    key: VolumeKey,
    wanted: Omit<VolumeRecord, "format" | "state" | "leases" | "createdAt">,
  ): Promise<VolumeRecord> {
    const record: VolumeRecord = {
      format: 1,
      ...wanted,
      state: "creating",
      createdAt: new Date().toISOString(),
      leases: [],
    };
    await this.#folders.create(key);
    await writeRecord(this.#folders.path(key), record);
    return record;
  }

  /** The volume, its making completed; undefined when there is none, or when its removal is what was to be completed. */
  async settle(key: VolumeKey, signal: AbortSignal): Promise<ReadyVolume | undefined> {
    const folder = this.#folders.path(key);
    const record = await readRecord(folder);
    if (record === undefined) return undefined;
    const driver = this.driver(record.driver);
    const volume = { name: volumeName(key), folder, options: record.options };
    if (record.state === "removing") {
      await this.#completeRemoval(key, driver, volume, signal);
      return undefined;
    }
    if (record.state === "ready") return { record, driver, volume };
    await driver.create(volume, signal);
    const ready = { ...record, state: "ready" as const };
    await writeRecord(folder, ready);
    return { record: ready, driver, volume };
  }

  async remove(key: VolumeKey, { record, driver, volume }: ReadyVolume, signal: AbortSignal): Promise<void> {
    await writeRecord(volume.folder, { ...record, state: "removing" });
    await this.#completeRemoval(key, driver, volume, signal);
  }

  async #completeRemoval(key: VolumeKey, driver: VolumeDriver, volume: Volume, signal: AbortSignal): Promise<void> {
    await driver.remove(volume, signal);
    await this.#folders.remove(key);
  }
}
