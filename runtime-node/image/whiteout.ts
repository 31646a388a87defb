import { isErrno, type Kernel } from "#kernel/kernel.ts";
import { type BytePath, toKernelPath } from "./byte-path.ts";

/** image-spec, layer.md, "Whiteouts": a file `.wh.<name>` hides <name> of the layers below. */
export const WHITEOUT_PREFIX = ".wh.";
/** image-spec, layer.md, "Opaque Whiteout": hides all of the directory's content in the layers below. */
export const OPAQUE_MARKER = ".wh..wh..opq";
/** aufs's own files, which mean nothing to others. */
export const WHITEOUT_RESERVED = ".wh..wh.";

const AT_FDCWD = -100;
const S_IFCHR = 0o020000;
const XATTR_REPLACE_OR_CREATE = 0;

/** Makes overlayfs's whiteout, a character device 0:0 (kernel, overlayfs.rst, "whiteouts"); false when the layer has a file there. */
export function hideFromBelow(kernel: Kernel, path: BytePath): boolean {
  try {
    kernel.call("mknodat", AT_FDCWD, toKernelPath(path), S_IFCHR, 0);
    return true;
  } catch (error) {
    // The layer's own file covers what lies below it anyway.
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** Marks a directory as covering those of its name in the layers below (kernel, overlayfs.rst, "opaque directories"). */
export function makeOpaque(kernel: Kernel, path: BytePath): void {
  kernel.call("lsetxattr", toKernelPath(path), "trusted.overlay.opaque", Buffer.from("y"), 1, XATTR_REPLACE_OR_CREATE);
}
