import { statSync } from "node:fs";

/** What a device node stands for, makedev(3). */
export interface DeviceNumber {
  type: "block" | "character";
  major: number;
  minor: number;
}

/** The device behind a path, links followed; undefined when there is none. */
export function readDeviceNumber(path: string): DeviceNumber | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (!stats.isBlockDevice() && !stats.isCharacterDevice())) return undefined;
  const device = BigInt(stats.rdev);
  // glibc's gnu_dev_major and gnu_dev_minor: 12 + 20 bits of each, interleaved.
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return {
    type: stats.isBlockDevice() ? "block" : "character",
    major: Number(major),
    minor: Number(BigInt.asUintN(32, minor)),
  };
}

/** As mknod(2) takes it: the kernel's 32-bit form, 12 bits of major and 20 of minor (include/linux/kdev_t.h). */
export function encodeDeviceNumber({ major, minor }: DeviceNumber): number {
  return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
}
