import { CONSTANTS } from "./constants.ts";
import type { IdmapProbe } from "./idmap-probe.ts";
import type { Kernel } from "./kernel.ts";

export interface TmpfsOptions {
  /** tmpfs(5): absent, it takes up to half of the memory. */
  sizeBytes?: number;
  /** Permission bits of its root. */
  mode: number;
}

const MOUNT_ATTRIBUTES = CONSTANTS.MOUNT_ATTR_NOSUID | CONSTANTS.MOUNT_ATTR_NODEV;

/** Mounts tmpfs in this process's mount namespace, through the calls of the new mount API. */
export class TmpfsMounts {
  readonly #kernel: Kernel;
  readonly #probe: IdmapProbe;
  #idmappable: boolean | undefined;

  constructor(kernel: Kernel, probe: IdmapProbe) {
    this.#kernel = kernel;
    this.#probe = probe;
  }

  /** Mounts a new, empty tmpfs over a directory, nosuid and nodev. */
  mount(target: string, options: TmpfsOptions): void {
    const mount = this.#create(options);
    try {
      const flags = CONSTANTS.MOVE_MOUNT_F_EMPTY_PATH;
      this.#kernel.call("move_mount", mount, "", CONSTANTS.AT_FDCWD, target, flags);
    } finally {
      this.#kernel.attempt("close", mount);
    }
  }

  /** Takes it away at once; what still uses it keeps it until it lets go (umount(2), MNT_DETACH). */
  unmount(target: string): void {
    this.#kernel.call("umount2", target, CONSTANTS.MNT_DETACH | CONSTANTS.UMOUNT_NOFOLLOW);
  }

  /** Whether this kernel shifts the ids of a tmpfs (since Linux 6.3); tried out once. */
  async canIdmap(): Promise<boolean> {
    if (this.#idmappable !== undefined) return this.#idmappable;
    const mount = this.#create({ mode: 0o700 });
    try {
      this.#idmappable = await this.#probe.canIdmapMount(mount);
      return this.#idmappable;
    } finally {
      this.#kernel.attempt("close", mount);
    }
  }

  /** A detached mount, as an fd. */
  #create({ sizeBytes, mode }: TmpfsOptions): number {
    const context = this.#kernel.call("fsopen", "tmpfs", CONSTANTS.FSOPEN_CLOEXEC);
    try {
      this.#set(context, "source", "slipway");
      this.#set(context, "mode", mode.toString(8));
      if (sizeBytes !== undefined) this.#set(context, "size", String(sizeBytes));
      this.#kernel.call("fsconfig", context, CONSTANTS.FSCONFIG_CMD_CREATE, null, null, 0);
      return this.#kernel.call("fsmount", context, CONSTANTS.FSMOUNT_CLOEXEC, MOUNT_ATTRIBUTES);
    } finally {
      this.#kernel.attempt("close", context);
    }
  }

  #set(context: number, key: string, value: string): void {
    this.#kernel.call("fsconfig", context, CONSTANTS.FSCONFIG_SET_STRING, key, value, 0);
  }
}
