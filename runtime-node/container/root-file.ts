import { CONSTANTS } from "#kernel/constants.ts";
import { ERRNO } from "#kernel/errno.ts";
import type { Kernel } from "#kernel/kernel.ts";

const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const LARGEST_BYTES = 1024 * 1024;
const O_PATH_DIRECTORY = CONSTANTS.O_PATH | CONSTANTS.O_DIRECTORY | CONSTANTS.O_CLOEXEC;

/**
 * A small file of a container's root before it is mounted: from the uppermost directory that has it, resolved as if that
 * directory were `/` (openat2(2), RESOLVE_IN_ROOT), so that no symlink of an image leads out. Empty where no layer has it.
 */
export function readRootFile(kernel: Kernel, layersTopFirst: readonly string[], path: string): string {
  for (const layer of layersTopFirst) {
    const text = readIn(kernel, layer, path);
    if (text !== undefined) return text;
  }
  return "";
}

function readIn(kernel: Kernel, root: string, path: string): string | undefined {
  const rootFd = kernel.attempt("openat", CONSTANTS.AT_FDCWD, root, O_PATH_DIRECTORY, 0);
  if (rootFd < 0) return undefined;
  try {
    const how = Buffer.from(
      new BigUint64Array([
        BigInt(CONSTANTS.O_RDONLY | CONSTANTS.O_CLOEXEC | CONSTANTS.O_NONBLOCK),
        0n,
        BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
      ]).buffer,
    );
    const fd = kernel.attempt("openat2", rootFd, path, how, how.byteLength);
    // A whiteout is a device without a driver (ENXIO): deleted in this layer, whatever the ones below say.
    if (fd === -ERRNO.ENXIO) return "";
    return fd < 0 ? undefined : readAll(kernel, fd);
  } finally {
    kernel.attempt("close", rootFd);
  }
}

function readAll(kernel: Kernel, fd: number): string {
  const content = Buffer.alloc(LARGEST_BYTES);
  let length = 0;
  try {
    for (;;) {
      const count = kernel.attempt("read", fd, content.subarray(length), LARGEST_BYTES - length);
      if (count <= 0) return content.toString("utf8", 0, length);
      length += count;
    }
  } finally {
    kernel.attempt("close", fd);
  }
}
