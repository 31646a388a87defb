import type { Assignment } from "#contracts/instance.ts";
import type { VolumeMount } from "#contracts/service-spec.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { KeyedTurns } from "#storage-driver/keyed-turns.ts";
import { anonymousVolume, type VolumeKey, volumeName } from "#storage-driver/volume-key.ts";
import type { VolumeStore } from "#storage-driver/volume-store.ts";
import type { InstanceVolumes, RootImage } from "../container/node-services.ts";
import { seedVolume } from "../container/seed-volume.ts";
import type { LaunchMount } from "../launch/container-launch.ts";
import type { EventOutbox } from "./event-outbox.ts";

/** The named and anonymous volumes of instances, from the storage drivers to mounts of a launch. */
export class NodeVolumes implements InstanceVolumes {
  readonly #store: VolumeStore;
  readonly #events: EventOutbox;
  readonly #attached = new Map<string, VolumeKey[]>();
  readonly #closing: AbortSignal;

  constructor(store: VolumeStore, events: EventOutbox, closing: AbortSignal) {
    this.#store = store;
    this.#events = events;
    this.#closing = closing;
  }

  async attach(assignment: Assignment, signal: AbortSignal): Promise<LaunchMount[]> {
    const mounts: LaunchMount[] = [];
    for (const mount of assignment.spec.mounts) {
      if (mount.type === "volume") mounts.push(await this.#attachOne(assignment, mount, signal));
    }
    return mounts;
  }

  async detach(instanceId: string): Promise<void> {
    for (const key of this.#attached.get(instanceId) ?? []) await this.#store.detach(key, instanceId, this.#closing);
    this.#attached.delete(instanceId);
  }

  async removeAnonymous({ project, instanceId, spec }: Assignment): Promise<void> {
    const known = new Set((await this.#store.list(project)).map(({ name }) => name));
    for (const mount of spec.mounts) {
      if (mount.type !== "volume" || mount.volume !== "") continue;
      const key = anonymousVolume(project, instanceId, mount.target);
      if (known.has(`${key.project}_${key.volume}`)) await this.#store.remove(key, this.#closing);
    }
  }

  async #attachOne(assignment: Assignment, mount: VolumeMount, signal: AbortSignal): Promise<LaunchMount> {
    const { project, instanceId, volumes } = assignment;
    const key =
      mount.volume === "" ? anonymousVolume(project, instanceId, mount.target) : { project, volume: mount.volume };
    const spec = volumes[mount.volume] ?? { name: key.volume, driver: "local", driverOptions: {}, labels: {} };
    const isNew = await this.#store.ensure(project, spec, signal);
    if (isNew) this.#events.append({ type: "volume.created", subject: `${project}/${key.volume}`, project });
    const { path } = await this.#store.attach(
      key,
      { instanceId, access: mount.readOnly ? "read-only" : "read-write" },
      signal,
    );
    this.#attached.set(instanceId, [...(this.#attached.get(instanceId) ?? []), key]);
    return {
      kind: "bind",
      source: path,
      target: mount.target,
      file: false,
      readOnly: mount.readOnly,
      idmap: "container",
      recursive: false,
      propagation: "private",
      targetExists: false,
    };
  }
}
