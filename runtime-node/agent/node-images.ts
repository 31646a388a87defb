import { join } from "node:path";
import { statSync } from "node:fs";
import type { PullProgress } from "#contracts/api.ts";
import type { IdmapProbe } from "#kernel/idmap-probe.ts";
import { MOUNT_POINTS } from "../container/mount-points.ts";
import type { InstanceImages, RootImage } from "../container/node-services.ts";
import { describeHostImage } from "../image/host-image.ts";
import { prepareSkeleton } from "../image/skeleton.ts";
import type { Image } from "../image/image.ts";
import type { ImageStore } from "../image/image-store.ts";
import type { LaunchMount, LayerSource } from "../launch/container-launch.ts";

/** The reserved name: the host's own read-only /usr, /bin and /lib. */
export const HOST_IMAGE = "host";

/** Roots for containers, from the image store or from the host. */
export class NodeImages implements InstanceImages {
  readonly store: ImageStore;
  readonly #directory: string;
  readonly #probe: IdmapProbe;
  readonly #idmappable = new Map<number, Promise<boolean>>();

  constructor(store: ImageStore, directory: string, probe: IdmapProbe) {
    this.store = store;
    this.#directory = directory;
    this.#probe = probe;
  }

  /** What is here is used as it is, whatever its tag means elsewhere by now; `image pull` brings the newer one. */
  async obtain(reference: string, signal: AbortSignal, onProgress: (progress: PullProgress) => void): Promise<RootImage> {
    if (reference === HOST_IMAGE) return this.#hostRoot();
    const image = (await this.store.resolve(reference)) ?? (await this.store.pull(reference, { signal, onProgress }));
    return this.#imageRoot(image);
  }

  async mountPoints(): Promise<LayerSource> {
    const path = await prepareSkeleton(join(this.#directory, "mount-points"), MOUNT_POINTS);
    return { path, idmapped: await this.#canIdmap(path) };
  }

  async #imageRoot({ digest, layers, config }: Image): Promise<RootImage> {
    const idmapped = await this.#canIdmap(this.#directory);
    return { digest, layers: layers.map((path) => ({ path, idmapped })), mounts: [], config };
  }

  async #hostRoot(): Promise<RootImage> {
    const host = describeHostImage({ nodeBinary: process.execPath });
    const skeleton = await prepareSkeleton(join(this.#directory, "host"), host);
    const mounts = host.binds.map(async ({ source, target }): Promise<LaunchMount> => ({
      kind: "bind",
      source,
      target,
      file: statSync(source).isFile(),
      readOnly: true,
      // Only read: where the file system cannot be idmapped, its owners show as nobody and nothing is lost.
      idmap: (await this.#canIdmap(source)) ? "container" : null,
      recursive: false,
      propagation: "private",
      targetExists: true,
    }));
    return {
      digest: null,
      layers: [{ path: skeleton, idmapped: await this.#canIdmap(skeleton) }],
      mounts: await Promise.all(mounts),
      config: {
        user: "",
        env: host.environment,
        workingDir: host.workingDir,
        entrypoint: [],
        command: [],
        labels: {},
        exposedPorts: [],
        volumes: [],
      },
    };
  }

  /** Asked once a file system. */
  #canIdmap(path: string): Promise<boolean> {
    const { dev } = statSync(path);
    const known = this.#idmappable.get(dev) ?? this.#probe.canIdmapPath(path);
    this.#idmappable.set(dev, known);
    return known;
  }
}
