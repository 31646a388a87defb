import { mkdir, stat } from "node:fs/promises";
import type { BindMount, Mount } from "#contracts/service-spec.ts";
import type { LaunchMount, MountPropagation } from "../launch/container-launch.ts";
import { containerError } from "./errors.ts";
import { ownerIdMap } from "./id-map.ts";

const DEFAULT_TMPFS_MODE = 0o1777;

/** The binds and tmpfs of a service; its volumes come from the storage drivers. */
export async function serviceMounts(mounts: readonly Mount[], idBase: number): Promise<LaunchMount[]> {
  const planned = mounts.map(async (mount): Promise<LaunchMount[]> => {
    if (mount.type === "bind") return [await bindMount(mount, idBase)];
    if (mount.type === "volume") return [];
    const { target, sizeBytes = null, mode = DEFAULT_TMPFS_MODE } = mount;
    return [{ kind: "tmpfs", target, sizeBytes, mode }];
  });
  return (await Promise.all(planned)).flat();
}

async function bindMount(mount: BindMount, idBase: number): Promise<LaunchMount> {
  const source = await sourceOf(mount);
  return {
    kind: "bind",
    source: mount.source,
    target: mount.target,
    file: !source.isDirectory(),
    readOnly: mount.readOnly,
    idmap: ownerIdMap(idBase, source),
    recursive: false,
    propagation: propagationOf(mount),
    targetExists: false,
  };
}

async function sourceOf({ source, target, createHostPath }: BindMount) {
  try {
    return await stat(source);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || !createHostPath) {
      throw containerError(
        "SLIPWAY_CONTAINER_BIND_SOURCE_MISSING",
        `${source}, to be mounted at ${target}, cannot be read`,
        { cause },
      );
    }
    await mkdir(source, { recursive: true });
    return stat(source);
  }
}

/** The supervisor's mount namespace is a slave of the host's, so nothing can be shared back. */
function propagationOf({ propagation = "rprivate", target }: BindMount): MountPropagation {
  if (propagation === "private" || propagation === "rprivate") return "private";
  if (propagation === "slave" || propagation === "rslave") return "slave";
  throw containerError(
    "SLIPWAY_CONTAINER_PROPAGATION",
    `${target} asks for ${propagation}, which would show the container's mounts to the host`,
  );
}
