import { defineErrors } from "#contracts/slipway-error.ts";

export const STORAGE_ERRORS = {
  SLIPWAY_STORAGE_NAME_INVALID: {
    status: 400,
    remedy: "Use letters, digits, dashes and underscores, beginning with a letter or digit.",
  },
  SLIPWAY_STORAGE_NAME_TAKEN: { status: 409, remedy: "Rename the volume or the project." },
  SLIPWAY_STORAGE_DRIVER_UNKNOWN: { status: 400, remedy: "Name a driver that there is, or none: local is the default." },
  SLIPWAY_STORAGE_OPTION_UNKNOWN: { status: 400, remedy: "Remove the option from driver_opts." },
  SLIPWAY_STORAGE_OPTION_INVALID: { status: 400, remedy: "Correct the option in driver_opts." },
  SLIPWAY_STORAGE_NOT_FOUND: { status: 404, remedy: "`slipway volume ls` shows what there is." },
  SLIPWAY_STORAGE_CHANGED: {
    status: 409,
    remedy:
      "Give the volume its old driver and options back, rename it, or remove it with `slipway volume rm` to lose its data.",
  },
  SLIPWAY_STORAGE_IN_USE: { status: 409, remedy: "Stop and remove the instances that use it first." },
  SLIPWAY_STORAGE_ONE_WRITER: {
    status: 409,
    remedy: "Run one replica, mount the volume read-only in the others, or use a driver that shares.",
  },
  SLIPWAY_STORAGE_IDMAP_UNSUPPORTED: {
    status: 501,
    remedy: "Keep volumes on a file system that can be idmapped: ext4, xfs, btrfs, f2fs, or tmpfs from Linux 6.3 on.",
  },
  SLIPWAY_STORAGE_UNEXPECTED_PATH: {
    status: 409,
    remedy: "Look at the path: somebody else has put something there. Move it away or unmount it, then try again.",
  },
  SLIPWAY_STORAGE_RECORD_INVALID: {
    status: 500,
    remedy: "Restore the record from a backup, or move the volume's folder away to begin anew.",
  },
  SLIPWAY_STORAGE_WRITE_FAILED: {
    status: 507,
    remedy: "Make room on the disk that holds the volumes, and see that it is writable.",
  },
} as const;

export const storageError = defineErrors(STORAGE_ERRORS);
