import type { Kernel } from "#kernel/kernel.ts";
import { type BytePath, toKernelPath } from "./byte-path.ts";
import { imageError } from "./errors.ts";
import type { TarEntry } from "./tar-reader.ts";

const AT_FDCWD = -100;
/** inode(7), the file type's bits. */
const FILE_TYPE = { fifo: 0o010000, "character-device": 0o020000, "block-device": 0o060000 } as const;
const MAJOR_MAX = 0xfff;
const MINOR_MAX = 0xfffff;

/** Makes a fifo or device, for which node:fs has no call; its mode and owner are to be set afterwards. */
export function makeSpecialFile(kernel: Kernel, path: BytePath, entry: TarEntry & { type: keyof typeof FILE_TYPE }): void {
  const device = entry.type === "fifo" ? 0 : deviceNumber(entry);
  kernel.call("mknodat", AT_FDCWD, toKernelPath(path), FILE_TYPE[entry.type] | 0o600, device);
}

/** makedev(3), as far as mknod(2) takes it: 12 bits of major, 20 of minor. */
function deviceNumber({ deviceMajor, deviceMinor }: TarEntry): number {
  const isPossible = deviceMajor >= 0 && deviceMajor <= MAJOR_MAX && deviceMinor >= 0 && deviceMinor <= MINOR_MAX;
  if (!isPossible)
    throw imageError("SLIPWAY_IMAGE_CORRUPT_LAYER", `a layer has the impossible device ${deviceMajor}:${deviceMinor}`);
  return ((deviceMajor << 8) | (deviceMinor & 0xff) | ((deviceMinor & 0xfff00) << 12)) >>> 0;
}
