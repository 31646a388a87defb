import { open, readdir, rm } from "node:fs/promises";
import { ERRNO } from "#kernel/errno.ts";
import { type Kernel, KernelError } from "#kernel/kernel.ts";
import { copyTree } from "./copy-tree.ts";
import { containerError } from "./errors.ts";
import { ImageView } from "./image-view.ts";

/**
 * On a volume's directory while it is being filled: what is in it is half a copy, of which no container knows. The kernel shows
 * `trusted.*` to no container (xattr(7)).
 */
const FILLING = "trusted.slipway.filling";

export interface VolumeSeed {
  /** The directory that containers see. Its parents are root's alone, so nobody can put another in its place. */
  volume: string;
  /** Where the volume is to be mounted: an absolute path in the image. */
  target: string;
  /** Directories of the image's layers, bottom first; none is an image that fills nothing. */
  layers: readonly string[];
  /** A directory where a mount point may be made for a moment. */
  scratch: string;
  /** Whether it may be filled at all; asked only when it is empty. */
  mayFill(): Promise<boolean>;
}

/**
 * Fills an empty volume that nobody uses with what the image has at its target, as docker does: files with their owners and modes, and the
 * directory's own for the volume's root. Calls for one volume must come one after the other. What a crash interrupts is begun anew by the
 * next call, and no container starts before that. Throws SLIPWAY_CONTAINER_VOLUME_NOT_FILLED.
 */
export async function seedVolume(kernel: Kernel, seed: VolumeSeed, signal: AbortSignal): Promise<void> {
  const { volume, target } = seed;
  try {
    if (isHalfFilled(kernel, volume)) await empty(volume);
    else if (!(await isEmpty(volume)) || !(await seed.mayFill())) return;
    await fill(kernel, seed, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `${volume} could not be filled with the image's ${target}: ${why}`;
    throw containerError("SLIPWAY_CONTAINER_VOLUME_NOT_FILLED", message, { cause });
  }
}

async function fill(kernel: Kernel, { volume, target, layers, scratch }: VolumeSeed, signal: AbortSignal): Promise<void> {
  using opened = new DisposableStack();
  const view = layers.length === 0 ? undefined : opened.use(ImageView.open(kernel, layers, scratch));
  const directory = view?.openDirectory(target);
  if (directory !== undefined) {
    opened.defer(() => kernel.attempt("close", directory));
    kernel.call("lsetxattr", volume, FILLING, Buffer.from("1"), 1, 0);
    await copyTree(kernel, `/proc/self/fd/${directory}`, volume, signal);
  }
  await unmark(kernel, volume);
}

/** The copy is on the disk when its mark goes, and the mark is gone before a container writes. */
async function unmark(kernel: Kernel, volume: string): Promise<void> {
  if (!isHalfFilled(kernel, volume)) return;
  await using folder = await open(volume, "r");
  kernel.call("lremovexattr", volume, FILLING);
  await folder.sync();
}

function isHalfFilled(kernel: Kernel, volume: string): boolean {
  const result = kernel.attempt("lgetxattr", volume, FILLING, null, 0);
  if (result >= 0) return true;
  if (result === -ERRNO.ENODATA || result === -ERRNO.EOPNOTSUPP) return false;
  throw new KernelError("lgetxattr", -result, [volume, FILLING]);
}

async function empty(volume: string): Promise<void> {
  for (const name of await readdir(volume, { encoding: "buffer" })) {
    await rm(Buffer.concat([Buffer.from(`${volume}/`), name]), { recursive: true });
  }
}

async function isEmpty(volume: string): Promise<boolean> {
  return (await readdir(volume)).length === 0;
}
