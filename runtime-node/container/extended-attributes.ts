import { ERRNO } from "#kernel/errno.ts";
import { type Kernel, isErrno } from "#kernel/kernel.ts";

/** xattr(7): the limits of one value and of all names. */
const LARGEST_BYTES = 64 * 1024;
const CREATE_OR_REPLACE = 0;

/** `security.selinux` and `trusted.*` belong to the host. */
const isTheImages = (name: string): boolean =>
  name.startsWith("user.") || name === "security.capability" || name.startsWith("system.posix_acl_");

/** Copies what an image may say of a file, as far as the target's file system holds it. Paths end in NUL; symbolic links are not followed. */
export function copyExtendedAttributes(kernel: Kernel, source: Uint8Array, target: Uint8Array): void {
  const names = Buffer.alloc(LARGEST_BYTES);
  const length = kernel.attempt("llistxattr", source, names, names.byteLength);
  if (length === -ERRNO.EOPNOTSUPP || length === 0) return;
  if (length < 0) kernel.call("llistxattr", source, names, names.byteLength);
  for (const name of names.toString("utf8", 0, length).split("\0").filter(isTheImages)) {
    const value = Buffer.alloc(LARGEST_BYTES);
    const size = kernel.call("lgetxattr", source, name, value, value.byteLength);
    try {
      kernel.call("lsetxattr", target, name, value, size, CREATE_OR_REPLACE);
    } catch (error) {
      if (!isErrno(error, "EOPNOTSUPP")) throw error;
    }
  }
}
