import { join } from "node:path";
import { CONSTANTS } from "./constants.ts";
import type { Kernel } from "./kernel.ts";

const known = new WeakMap<Kernel, boolean>();

/**
 * Whether overlayfs takes layers by fd (`lowerdir+`, Linux 6.13) that are mounted nowhere (6.15), by trying: distributions take such things back to
 * older kernels. Asked once of a kernel.
 * @param runFolder whose empty mount points `m/0` and `m/1` are stacked, for nobody to see
 */
export function stacksDetachedLayers(kernel: Kernel, runFolder: string): boolean {
  const answer = known.get(kernel) ?? tryToStack(kernel, [join(runFolder, "m/0"), join(runFolder, "m/1")]);
  known.set(kernel, answer);
  return answer;
}

function tryToStack(kernel: Kernel, folders: readonly string[]): boolean {
  using fds = new DisposableStack();
  const open = (fd: number): number => (fd < 0 ? fd : fds.adopt(fd, (opened) => void kernel.attempt("close", opened)));
  const context = open(kernel.attempt("fsopen", "overlay", CONSTANTS.FSOPEN_CLOEXEC));
  const clone = CONSTANTS.OPEN_TREE_CLONE | CONSTANTS.OPEN_TREE_CLOEXEC;
  const layers = folders.map((folder) => open(kernel.attempt("open_tree", CONSTANTS.AT_FDCWD, folder, clone)));
  const steps = layers.map(
    (layer) => () => kernel.attempt("fsconfig", context, CONSTANTS.FSCONFIG_SET_FD, "lowerdir+", null, layer),
  );
  const create = (): number => kernel.attempt("fsconfig", context, CONSTANTS.FSCONFIG_CMD_CREATE, null, null, 0);
  return [...steps, create].every((step) => step() >= 0);
}
