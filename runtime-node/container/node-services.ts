import type { Assignment } from "#contracts/instance.ts";
import type { EventType } from "#contracts/event.ts";
import type { HomeLayout } from "#contracts/home.ts";
import type { PullProgress } from "#contracts/api.ts";
import type { Kernel } from "#kernel/kernel.ts";
import type { CgroupHierarchies } from "../cgroup/hierarchy.ts";
import type { ImageConfig } from "../image/image.ts";
import type { Children } from "../launch/children.ts";
import type { LaunchMount, LayerSource } from "../launch/container-launch.ts";
import type { ExposedDirectories } from "./exposed-directories.ts";

/** An image ready to be a root: its layers, what is mounted over them, and what it says about the process. */
export interface RootImage {
  /** Absent for `host`. */
  digest: string | null;
  layers: LayerSource[];
  mounts: LaunchMount[];
  config: ImageConfig;
}

export interface InstanceImages {
  /** The image, pulled when it is not here. */
  obtain(reference: string, signal: AbortSignal, onProgress: (progress: PullProgress) => void): Promise<RootImage>;
  /** The layer below those of any image. */
  mountPoints(): Promise<LayerSource>;
}

export interface ConnectedNetworks {
  /** By the network's key in the project. */
  addresses: Record<string, string>;
  ports: { hostIp: string; hostPort: number; containerPort: number; protocol: string }[];
  /** Where the container sends its DNS queries. */
  nameServers: string[];
}

export interface InstanceNetworks {
  /** Wires a parked (or, after an agent's restart, running) container into its networks and publishes its ports. */
  connect(assignment: Assignment, pid: number, signal: AbortSignal): Promise<ConnectedNetworks>;
  /** Takes the instance's names, ports and interfaces away; its addresses stay its own. */
  disconnect(instanceId: string): Promise<void>;
  /** Gives its addresses back; networks that no instance uses any more are removed. */
  release(assignment: Assignment): Promise<void>;
  /** Whether service names lead to it. */
  setHealthy(instanceId: string, healthy: boolean): void;
}

/** What new volumes are filled with before an instance starts. */
export interface VolumeFilling {
  image: RootImage;
  /** A later launch finds its volumes as the earlier one left them, be they empty. */
  firstLaunch: boolean;
}

export interface InstanceVolumes {
  /** `filling` is null for an instance that runs already. */
  attach(assignment: Assignment, filling: VolumeFilling | null, signal: AbortSignal): Promise<LaunchMount[]>;
  detach(instanceId: string): Promise<void>;
  /** Removes the anonymous volumes of an instance that goes. */
  removeAnonymous(assignment: Assignment): Promise<void>;
}

export interface InstanceCredentials {
  /** Writes the instance's NATS credentials into its secrets folder and keeps them fresh until `withdraw`. */
  provide(assignment: Assignment, file: { folder: string; uid: number; gid: number }, signal: AbortSignal): Promise<void>;
  withdraw(instanceId: string): void;
  /** `nats://…` as containers reach it. */
  readonly natsUrl: string;
}

/** A container's output on its way to disk. */
export interface ContainerLogs extends AsyncDisposable {
  /** Resolves when every writer is gone and everything is written. */
  readonly ended: Promise<unknown>;
  /** To be called when the container is gone: its end is then seen also where it came before the streams were opened. */
  finish(): void;
  /** Hands on each chunk as it is read, until disposed. */
  subscribe(listener: (stream: "stdout" | "stderr", chunk: Uint8Array) => void | Promise<void>): Disposable;
}

export interface InstanceLogs {
  /** Opens the streams' reading ends; some writer must hold the others. */
  capture(assignment: Assignment, stdout: string, stderr: string, directory: string): ContainerLogs;
  /** Writes what an instance that does not run has left in its streams; does nothing where it has none. */
  drain(assignment: Assignment, stdout: string, stderr: string, directory: string): Promise<void>;
  /** The instance goes: nothing of its streams is kept open for a later agent any more. */
  forget(instanceId: string): Promise<void>;
}

export interface InstanceEvents {
  record(type: EventType, assignment: Assignment, data?: Record<string, unknown>): void;
}

/** What a node offers to its instances. */
export interface NodeServices {
  node: string;
  home: HomeLayout;
  kernel: Kernel;
  children: Children;
  cgroups: CgroupHierarchies;
  exposed: ExposedDirectories;
  images: InstanceImages;
  networks: InstanceNetworks;
  volumes: InstanceVolumes;
  credentials: InstanceCredentials;
  logs: InstanceLogs;
  events: InstanceEvents;
}
