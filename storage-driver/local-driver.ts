import { rm } from "node:fs/promises";
import { createDataFolder, dataPath, hasDataFolder } from "./data-folder.ts";
import { diskUsage } from "./disk-usage.ts";
import { refuseUnknown } from "./driver-options.ts";
import { syncFolder } from "./durable-file.ts";
import { storageError } from "./errors.ts";
import { mountsWithin } from "./mount-table.ts";
import type { DriverCapabilities, Volume, VolumeAttachment, VolumeDriver, VolumeStats } from "./volume-driver.ts";

/** Whether mounts of the file system at a path can be idmapped, mount_setattr(2); the node tries it out. */
export type IdmapProbe = (path: string) => Promise<boolean>;

/** Volumes that are directories on the node's own disk. */
export class LocalDriver implements VolumeDriver {
  readonly name = "local";
  readonly #root: string;
  readonly #canIdmap: IdmapProbe;

  /** `root` is the folder of all volumes. */
  constructor(options: { root: string; canIdmap: IdmapProbe }) {
    this.#root = options.root;
    this.#canIdmap = options.canIdmap;
  }

  async capabilities(): Promise<DriverCapabilities> {
    return {
      sharing: "one-node",
      persistent: true,
      sizeLimit: false,
      idmap: (await this.#canIdmap(this.#root)) ? { supported: true } : notIdmappable(this.#root),
    };
  }

  checkOptions(options: Readonly<Record<string, string>>): void {
    refuseUnknown(this.name, options, []);
  }

  async create(volume: Volume): Promise<void> {
    await createDataFolder(volume);
  }

  async attach(volume: Volume): Promise<VolumeAttachment> {
    const path = dataPath(volume);
    if (!(await hasDataFolder(volume))) {
      throw storageError(
        "SLIPWAY_STORAGE_UNEXPECTED_PATH",
        `${path}, where volume ${volume.name} has its data, is not there`,
      );
    }
    if (!(await this.#canIdmap(path))) {
      const { missing, remedy } = notIdmappable(path);
      throw storageError("SLIPWAY_STORAGE_IDMAP_UNSUPPORTED", `volume ${volume.name} cannot be mounted: ${missing}`, {
        remedy,
      });
    }
    return { kind: "directory", path, idmap: "shift" };
  }

  async detach(): Promise<void> {
    // A directory needs nothing undone.
  }

  async stats(volume: Volume, signal: AbortSignal): Promise<VolumeStats> {
    return { usedBytes: await diskUsage(dataPath(volume), signal), limitBytes: null };
  }

  async remove(volume: Volume): Promise<void> {
    if (!(await hasDataFolder(volume))) return;
    const path = dataPath(volume);
    const [mounted] = await mountsWithin(path);
    if (mounted !== undefined) {
      throw storageError(
        "SLIPWAY_STORAGE_UNEXPECTED_PATH",
        `volume ${volume.name} was not removed: ${mounted.path} is a mount of something else, which would be deleted with it`,
      );
    }
    await rm(path, { recursive: true });
    await syncFolder(volume.folder);
  }
}

function notIdmappable(path: string): { supported: false; missing: string; remedy: string } {
  return {
    supported: false,
    missing: `the file system of ${path} cannot be idmapped by this kernel`,
    remedy: "Keep the home on ext4, xfs or btrfs: SLIPWAY_HOME, or `slipway server --home`.",
  };
}
