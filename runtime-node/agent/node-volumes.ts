import type { Assignment } from "#contracts/instance.ts";
import type { VolumeMount } from "#contracts/service-spec.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { KeyedTurns } from "#storage-driver/keyed-turns.ts";
import { anonymousVolume, type VolumeKey, volumeName } from "#storage-driver/volume-key.ts";
import type { VolumeStore } from "#storage-driver/volume-store.ts";
import type { InstanceVolumes, VolumeFilling } from "../container/node-services.ts";
import { seedVolume } from "../container/seed-volume.ts";
import type { LaunchMount } from "../launch/container-launch.ts";
import type { EventOutbox } from "./event-outbox.ts";

/** The named and anonymous volumes of instances, from the storage drivers to mounts of a launch. */
export class NodeVolumes implements InstanceVolumes {
  readonly #store: VolumeStore;
  readonly #kernel: Kernel;
  readonly #scratch: string;
  readonly #events: EventOutbox;
  readonly #attached = new Map<string, VolumeKey[]>();
  /** A volume that is being filled is nobody else's to attach. */
  readonly #turns = new KeyedTurns();
  readonly #closing: AbortSignal;

  /** `scratch`: a directory where a mount point may be made for a moment. */
  constructor(store: VolumeStore, kernel: Kernel, scratch: string, events: EventOutbox, closing: AbortSignal) {
    this.#store = store;
    this.#kernel = kernel;
    this.#scratch = scratch;
    this.#events = events;
    this.#closing = closing;
  }

  async attach(assignment: Assignment, filling: VolumeFilling | null, signal: AbortSignal): Promise<LaunchMount[]> {
    const { instanceId } = assignment;
    this.#attached.set(instanceId, this.#attached.get(instanceId) ?? []);
    const mounts: LaunchMount[] = [];
    for (const mount of assignment.spec.mounts) {
      if (mount.type !== "volume") continue;
      const key = keyOf(assignment, mount);
      const source = await this.#turns.take(volumeName(key), async () => {
        const path = await this.#attachOne(assignment, key, mount, signal);
        if (filling !== null) await this.#fill(instanceId, key, path, mount.target, filling, signal);
        return path;
      });
      mounts.push(volumeMount(source, mount));
    }
    return mounts;
  }

  /** Also what a former agent attached: an instance may have ended while there was none. */
  async detach(instanceId: string): Promise<void> {
    const keys = this.#attached.get(instanceId) ?? (await this.#leasedBy(instanceId));
    for (const key of keys) await this.#store.detach(key, instanceId, this.#closing);
    this.#attached.delete(instanceId);
  }

  async #leasedBy(instanceId: string): Promise<VolumeKey[]> {
    const leased = (await this.#store.list()).filter(({ usedBy }) => usedBy.includes(instanceId));
    return Promise.all(leased.map(({ name }) => this.#store.find(name)));
  }

  async removeAnonymous({ project, instanceId, spec }: Assignment): Promise<void> {
    const known = new Set((await this.#store.list(project)).map(({ name }) => name));
    for (const mount of spec.mounts) {
      if (mount.type !== "volume" || mount.volume !== "") continue;
      const key = anonymousVolume(project, instanceId, mount.target);
      if (known.has(`${key.project}_${key.volume}`)) await this.#store.remove(key, this.#closing);
    }
  }

  async #attachOne(
    { project, instanceId, volumes }: Assignment,
    key: VolumeKey,
    mount: VolumeMount,
    signal: AbortSignal,
  ): Promise<string> {
    const spec = volumes[mount.volume] ?? { name: key.volume, driver: "local", driverOptions: {}, labels: {} };
    const isNew = await this.#store.ensure(project, spec, signal);
    if (isNew) this.#events.append({ type: "volume.created", subject: `${project}/${key.volume}`, project });
    const access = mount.readOnly ? "read-only" : "read-write";
    const { path } = await this.#store.attach(key, { instanceId, access }, signal);
    this.#attached.set(instanceId, [...(this.#attached.get(instanceId) ?? []), key]);
    return path;
  }

  async #fill(
    instanceId: string,
    key: VolumeKey,
    volume: string,
    target: string,
    { image, firstLaunch }: VolumeFilling,
    signal: AbortSignal,
  ): Promise<void> {
    // `host` is made of the host's own folders: what stands at a target there is no content that somebody packed.
    const layers = image.digest === null ? [] : image.layers.map(({ path }) => path);
    const mayFill = async (): Promise<boolean> => firstLaunch && !(await this.#isUsedByOthers(key, instanceId));
    await seedVolume(this.#kernel, { volume, target, layers, scratch: this.#scratch, mayFill }, signal);
  }

  async #isUsedByOthers(key: VolumeKey, instanceId: string): Promise<boolean> {
    const listed = (await this.#store.list(key.project)).find(({ name }) => name === volumeName(key));
    return listed?.usedBy.some((user) => user !== instanceId) ?? false;
  }
}

const keyOf = ({ project, instanceId }: Assignment, { volume, target }: VolumeMount): VolumeKey =>
  volume === "" ? anonymousVolume(project, instanceId, target) : { project, volume };

function volumeMount(source: string, { target, readOnly }: VolumeMount): LaunchMount {
  return {
    kind: "bind",
    source,
    target,
    file: false,
    readOnly,
    idmap: "container",
    recursive: false,
    propagation: "private",
    targetExists: false,
  };
}
