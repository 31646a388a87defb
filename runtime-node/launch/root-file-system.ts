import type { HostStep, Step } from "#kernel/plan/step.ts";
import type { RootFileSystem } from "./container-launch.ts";
import {
  AT_FDCWD,
  createFileSystem,
  flags,
  mountFdOf,
  type NewFileSystem,
  onHost,
  result,
  setMountAttributes,
} from "./steps.ts";

const OVERLAY = { type: "overlay", label: "root" } as const;

/** The result that is the detached root mount. */
export const ROOT_MOUNT = mountFdOf(OVERLAY);
export const CONTAINER_USER_NAMESPACE = "container's id map";

const layerFd = (index: number): string => `layer ${index}`;
const mountPoint = (runFolder: string, index: number): string => `${runFolder}/m/${index}`;

/**
 * On the host, in the initial user namespace, when the child has its id map: that map is the layers' too. Each layer is cloned and idmapped, and the
 * overlay made over them. Where it takes no detached layers they are attached, and detached again: each time the kernel waits for a grace period of RCU. The overlay keeps them. An option's value has at
 * most 255 bytes, so layers are named relative to the working directory: `2:1:0`.
 */
export function prepareRoot(root: RootFileSystem, runFolder: string): HostStep[] {
  // The uppermost first.
  const lower = root.layers.map((_, index) => index).toReversed();
  const opened = [onHost(openUserNamespace(), true), ...root.layers.flatMap(openLayer)];
  if (root.detached) {
    const fds = lower.map((index): [string, string] => ["lowerdir+", layerFd(index)]);
    return [...opened, ...overlaySteps(root, { fds })];
  }
  return [
    ...opened,
    ...root.layers.map((_, index) => attachLayer(index, runFolder)),
    onHost({ name: "stand where the layers are", call: "chdir", args: [`${runFolder}/m`] }),
    ...overlaySteps(root, { options: [["lowerdir", lower.join(":")]] }),
    ...detachLayers(root, runFolder),
  ];
}

/** What a failed prepare may have left attached. */
export function cleanupRoot(root: RootFileSystem, runFolder: string): HostStep[] {
  if (root.detached) return [];
  return detachLayers(root, runFolder).map((step) => ({
    ...step,
    name: `${step.name}, if a step failed`,
    tolerate: ["EINVAL"],
  }));
}

/** In the child: the root is attached, becomes `/`, and the old one is gone. */
export function enterRoot(runFolder: string): Step[] {
  const root = `${runFolder}/r`;
  return [
    {
      name: "attach the root",
      call: "move_mount",
      args: [result(ROOT_MOUNT), "", AT_FDCWD, root, flags("MOVE_MOUNT_F_EMPTY_PATH")],
    },
    { name: "stand in the root", call: "chdir", args: [root] },
    // pivot_root(2), "pivot_root(".", ".")": the old root is stacked on the new one, and detached from there.
    { name: "make it the root", call: "pivot_root", args: [".", "."] },
    { name: "drop the old root", call: "umount2", args: [".", flags("MNT_DETACH")] },
    { name: "stand at /", call: "chdir", args: ["/"] },
  ];
}

/** The child's own, user_namespaces(7): mount_setattr(2) takes it for its map. */
function openUserNamespace(): Step {
  const path = { withPid: "/proc/{pid}/ns/user" };
  return {
    name: CONTAINER_USER_NAMESPACE,
    call: "openat",
    args: [AT_FDCWD, path, flags("O_RDONLY", "O_CLOEXEC"), 0],
  };
}

function openLayer(layer: RootFileSystem["layers"][number], index: number): HostStep[] {
  const fd = layerFd(index);
  const attributes = layer.idmapped
    ? { set: ["MOUNT_ATTR_RDONLY", "MOUNT_ATTR_IDMAP"] as const, userNamespace: CONTAINER_USER_NAMESPACE }
    : { set: ["MOUNT_ATTR_RDONLY"] as const };
  return [
    onHost(
      { name: fd, call: "open_tree", args: [AT_FDCWD, layer.path, flags("OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC")] },
      true,
    ),
    onHost(setMountAttributes(`map layer ${index}`, { fd: result(fd) }, { ...attributes, set: [...attributes.set] })),
  ];
}

function attachLayer(index: number, runFolder: string): HostStep {
  const where = mountPoint(runFolder, index);
  return onHost({
    name: `attach layer ${index}`,
    call: "move_mount",
    args: [result(layerFd(index)), "", AT_FDCWD, where, flags("MOVE_MOUNT_F_EMPTY_PATH")],
  });
}

function overlaySteps(
  { upper, work }: RootFileSystem,
  { options = [], fds = [] }: Pick<NewFileSystem, "options" | "fds">,
): HostStep[] {
  const steps = createFileSystem({
    ...OVERLAY,
    options: [["source", "slipway"], ...options, ["upperdir", upper], ["workdir", work]],
    fds,
    attributes: ["MOUNT_ATTR_NODEV"],
  });
  return steps.map((step) => onHost(step, step.call === "fsopen" || step.call === "fsmount"));
}

function detachLayers(root: RootFileSystem, runFolder: string): Extract<HostStep, { kind: "call" }>[] {
  return root.layers.map((_, index) => ({
    kind: "call" as const,
    name: `detach layer ${index}`,
    call: "umount2" as const,
    args: [mountPoint(runFolder, index), flags("MNT_DETACH", "UMOUNT_NOFOLLOW")],
  }));
}
