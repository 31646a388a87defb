import { isErrno, type Kernel } from "#kernel/kernel.ts";
import { type BytePath, toKernelPath } from "./byte-path.ts";

const CREATE_OR_REPLACE = 0;

/**
 * What an image may set. `trusted.overlay.*` would let it steer overlayfs (redirects, metacopies), `security.selinux` and
 * `security.ima` belong to the host's policy.
 */
function isAllowed(name: string): boolean {
  return name.startsWith("user.") || name === "security.capability" || name.startsWith("system.posix_acl_");
}

/** Sets the attributes that an image may set, and leaves those away that the file system cannot hold, as docker does. */
export function setExtendedAttributes(kernel: Kernel, path: BytePath, xattrs: Map<string, Buffer> | undefined): void {
  if (xattrs === undefined) return;
  for (const [name, value] of xattrs) {
    if (!isAllowed(name)) continue;
    try {
      kernel.call("lsetxattr", toKernelPath(path), toKernelPath(name), value, value.byteLength, CREATE_OR_REPLACE);
    } catch (error) {
      // xattr(7): user.* is for files and directories only.
      const isMisplaced = name.startsWith("user.") && isErrno(error, "EPERM");
      if (!isMisplaced && !isErrno(error, "EOPNOTSUPP")) throw error;
    }
  }
}
