import { mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { CONSTANTS, flagBits } from "#kernel/constants.ts";
import { ERRNO } from "#kernel/errno.ts";
import { type Kernel, KernelError } from "#kernel/kernel.ts";

const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const DIRECTORY = flagBits(["O_PATH", "O_DIRECTORY", "O_CLOEXEC"]);
const READ_ONLY = flagBits(["MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_NOEXEC"]);

/**
 * The files of an image as its containers see them, to be read by this process: its layers merged by overlayfs, in a mount that is
 * attached nowhere and gone with its last fd. Paths in it are `/proc/self/fd/<fd>/…`.
 */
export class ImageView implements Disposable {
  readonly #kernel: Kernel;
  readonly #root: number;

  private constructor(kernel: Kernel, root: number) {
    this.#kernel = kernel;
    this.#root = root;
  }

  /** `layers`: their directories, bottom first. `scratch`: a directory where a mount point may be made for a moment. */
  static open(kernel: Kernel, layers: readonly string[], scratch: string): ImageView {
    using opened = new DisposableStack();
    const fds = layers.map((path) => {
      const fd = kernel.call("openat", CONSTANTS.AT_FDCWD, path, DIRECTORY, 0);
      opened.defer(() => kernel.attempt("close", fd));
      return fd;
    });
    // overlayfs without an upper directory wants two layers or more.
    const [only] = fds;
    const root =
      fds.length === 1 ? kernel.call("openat", only as number, ".", DIRECTORY, 0) : mergedRoot(kernel, fds, scratch);
    return new ImageView(kernel, root);
  }

  /** An fd (O_PATH) of the directory that a path leads to in the image; undefined where there is none. The caller closes it. */
  openDirectory(path: string): number | undefined {
    const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const how = Buffer.from(new BigUint64Array([BigInt(DIRECTORY), 0n, BigInt(resolve)]).buffer);
    const args = [this.#root, path, how, how.byteLength] as const;
    const fd = this.#kernel.attempt("openat2", ...args);
    if (fd >= 0) return fd;
    if ([ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.ELOOP].some((errno) => fd === -errno)) return undefined;
    throw new KernelError("openat2", -fd, args);
  }

  [Symbol.dispose](): void {
    this.#kernel.attempt("close", this.#root);
  }
}

/**
 * mount(2) and not fsconfig(2), whose values have at most 255 bytes: too few for the paths of an image's layers, even as fds. The mount is
 * detached before anything else can run on this thread.
 */
function mergedRoot(kernel: Kernel, layers: readonly number[], scratch: string): number {
  const point = mkdtempSync(join(scratch, "image-"));
  try {
    const lower = layers.toReversed().map((fd) => `/proc/self/fd/${fd}`);
    kernel.call("mount", "slipway", point, "overlay", READ_ONLY, `lowerdir=${lower.join(":")}`);
    try {
      return kernel.call("openat", CONSTANTS.AT_FDCWD, point, DIRECTORY, 0);
    } finally {
      kernel.call("umount2", point, flagBits(["MNT_DETACH", "UMOUNT_NOFOLLOW"]));
    }
  } finally {
    rmdirSync(point);
  }
}
