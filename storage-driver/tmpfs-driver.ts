import { rmdir, statfs } from "node:fs/promises";
import { createDataFolder, dataPath, hasDataFolder } from "./data-folder.ts";
import { parseSize, refuseUnknown } from "./driver-options.ts";
import { storageError } from "./errors.ts";
import { mountsWithin } from "./mount-table.ts";
import type { DriverCapabilities, Volume, VolumeAttachment, VolumeDriver, VolumeStats } from "./volume-driver.ts";

/** The system calls behind a tmpfs; `runtime-node/kernel/mount-tmpfs.ts` makes them. */
export interface TmpfsMounter {
  /** Mounts a new, empty tmpfs, nosuid and nodev. Without a size it takes up to half of the memory, tmpfs(5). */
  mount(target: string, options: { sizeBytes?: number; mode: number }): void;
  unmount(target: string): void;
  /** Whether this kernel idmaps a tmpfs (since Linux 6.3). */
  canIdmap(): Promise<boolean>;
}

const ROOT_MODE = 0o755;
const NOT_IDMAPPABLE = {
  supported: false,
  missing: "a tmpfs that can be idmapped, which Linux has since 6.3",
  remedy: "Boot a kernel of 6.3 or newer, or mount it in the service with `tmpfs:`, where each container has its own.",
} as const;

/** Volumes in memory: shared by the instances of one node, gone with the last of them. */
export class TmpfsDriver implements VolumeDriver {
  readonly name = "tmpfs";
  readonly #mounter: TmpfsMounter;

  constructor(mounter: TmpfsMounter) {
    this.#mounter = mounter;
  }

  async capabilities(): Promise<DriverCapabilities> {
    const idmap = (await this.#mounter.canIdmap()) ? ({ supported: true } as const) : NOT_IDMAPPABLE;
    return { sharing: "one-node", persistent: false, sizeLimit: true, idmap };
  }

  checkOptions(options: Readonly<Record<string, string>>): void {
    refuseUnknown(this.name, options, ["size"]);
    if (options["size"] !== undefined) parseSize("size", options["size"]);
  }

  async create(volume: Volume): Promise<void> {
    await createDataFolder(volume);
  }

  async attach(volume: Volume): Promise<VolumeAttachment> {
    if (!(await this.#mounter.canIdmap())) {
      const { missing, remedy } = NOT_IDMAPPABLE;
      throw storageError(
        "SLIPWAY_STORAGE_IDMAP_UNSUPPORTED",
        `volume ${volume.name} cannot be mounted: it needs ${missing}`,
        {
          remedy,
        },
      );
    }
    const path = dataPath(volume);
    if (!(await isMounted(volume))) {
      // A node that went down left the mount point only.
      await createDataFolder(volume);
      const { size } = volume.options;
      this.#mounter.mount(path, { mode: ROOT_MODE, ...(size === undefined ? {} : { sizeBytes: parseSize("size", size) }) });
    }
    return { kind: "directory", path, idmap: "shift" };
  }

  async detach(volume: Volume): Promise<void> {
    if (await isMounted(volume)) this.#mounter.unmount(dataPath(volume));
  }

  async stats(volume: Volume): Promise<VolumeStats> {
    const { size } = volume.options;
    const limitBytes = size === undefined ? null : parseSize("size", size);
    if (!(await isMounted(volume))) return { usedBytes: 0, limitBytes };
    const { blocks, bfree, bsize } = await statfs(dataPath(volume));
    return { usedBytes: (blocks - bfree) * bsize, limitBytes };
  }

  async remove(volume: Volume): Promise<void> {
    await this.detach(volume);
    // rmdir, since nothing may be in the mount point itself.
    if (await hasDataFolder(volume)) await rmdir(dataPath(volume));
  }
}

async function isMounted(volume: Volume): Promise<boolean> {
  const path = dataPath(volume);
  const found = (await mountsWithin(path)).find((mount) => mount.path === path);
  if (found === undefined || found.fileSystem === "tmpfs") return found !== undefined;
  throw storageError(
    "SLIPWAY_STORAGE_UNEXPECTED_PATH",
    `${path}, where volume ${volume.name} has its tmpfs, is a mount of ${found.fileSystem}`,
  );
}
