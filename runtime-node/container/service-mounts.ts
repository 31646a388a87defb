import type { BindMount, Mount } from "#contracts/service-spec.ts";
import type { LaunchMount, MountPropagation } from "../launch/container-launch.ts";
import { resolveBindSource } from "./bind-source.ts";
import { containerError } from "./errors.ts";
import type { ExposedDirectories } from "./exposed-directories.ts";
import { ownerIdMap } from "./id-map.ts";

const DEFAULT_TMPFS_MODE = 0o1777;

/** The binds and tmpfs of a service; its volumes come from the storage drivers. */
export async function serviceMounts(
  mounts: readonly Mount[],
  idBase: number,
  exposed: ExposedDirectories,
): Promise<LaunchMount[]> {
  const planned = mounts.map(async (mount): Promise<LaunchMount[]> => {
    if (mount.type === "bind") return [await bindMount(mount, idBase, exposed)];
    if (mount.type === "volume") return [];
    const { target, sizeBytes = null, mode = DEFAULT_TMPFS_MODE } = mount;
    return [{ kind: "tmpfs", target, sizeBytes, mode }];
  });
  return (await Promise.all(planned)).flat();
}

async function bindMount(mount: BindMount, idBase: number, exposed: ExposedDirectories): Promise<LaunchMount> {
  const { source, target, createHostPath: createMissing } = mount;
  const { path, stat } = await resolveBindSource({ source, target, createMissing, exposed });
  if (!mount.readOnly && stat.isDirectory()) await exposed.add(path);
  return {
    kind: "bind",
    source: path,
    withoutLinks: true,
    target,
    file: !stat.isDirectory(),
    readOnly: mount.readOnly,
    idmap: ownerIdMap(idBase, stat),
    recursive: false,
    propagation: propagationOf(mount),
    targetExists: false,
  };
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
