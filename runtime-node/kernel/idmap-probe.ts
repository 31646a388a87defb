import { CONSTANTS } from "./constants.ts";
import { type Kernel, KernelError, failedWith } from "./kernel.ts";
import type { IdMap } from "./plan/step.ts";
import type { UserNamespaces } from "./user-namespaces.ts";

const MOUNT_ATTR_BYTES = 32;
/** Any range but the initial namespace's own will do. */
const PROBED_MAP: IdMap = {
  uid: [{ inside: 0, outside: 65536, count: 65536 }],
  gid: [{ inside: 0, outside: 65536, count: 65536 }],
};

/** Finds out whether mounts can be idmapped by idmapping one that nobody sees: no table of file systems and kernels would stay true. */
export class IdmapProbe {
  readonly #kernel: Kernel;
  readonly #userNamespaces: UserNamespaces;

  constructor(kernel: Kernel, userNamespaces: UserNamespaces) {
    this.#kernel = kernel;
    this.#userNamespaces = userNamespaces;
  }

  /** Whether the file system at a path can be mounted with its ids shifted. */
  async canIdmapPath(path: string): Promise<boolean> {
    const flags = CONSTANTS.OPEN_TREE_CLONE | CONSTANTS.OPEN_TREE_CLOEXEC;
    const fd = this.#kernel.call("open_tree", CONSTANTS.AT_FDCWD, path, flags);
    try {
      return await this.canIdmapMount(fd);
    } finally {
      this.#kernel.attempt("close", fd);
    }
  }

  /** Whether a detached mount can; if so, it is idmapped afterwards. */
  async canIdmapMount(fd: number): Promise<boolean> {
    using _ = await this.#userNamespaces.prepare([{ kind: "user-namespace", name: "probe", map: PROBED_MAP }]);
    const attributes = Buffer.alloc(MOUNT_ATTR_BYTES);
    attributes.writeBigUInt64LE(BigInt(CONSTANTS.MOUNT_ATTR_IDMAP), 0);
    attributes.writeBigUInt64LE(BigInt(this.#userNamespaces.open(PROBED_MAP)), 24);
    const args = [fd, "", CONSTANTS.AT_EMPTY_PATH, attributes, MOUNT_ATTR_BYTES] as const;
    const result = this.#kernel.attempt("mount_setattr", ...args);
    // mount_setattr(2): EINVAL for a file system without support, EPERM for a mount that is idmapped already.
    if (failedWith(result, "EINVAL") || failedWith(result, "EPERM")) return false;
    if (result < 0) throw new KernelError("mount_setattr", -result, args);
    return true;
  }
}
