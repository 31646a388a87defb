import { type Static, Type } from "typebox";
import { ProjectName, ResourceName } from "./names.ts";
import { ServiceSpec } from "./service-spec.ts";

export const NetworkSpec = Type.Object({
  name: ResourceName,
  /** No way out: no NAT, no gateway. */
  internal: Type.Boolean(),
  labels: Type.Record(Type.String(), Type.String()),
});
export type NetworkSpec = Static<typeof NetworkSpec>;

export const VolumeSpec = Type.Object({
  name: ResourceName,
  /** A storage driver's name: `local`, `tmpfs`. */
  driver: Type.String(),
  driverOptions: Type.Record(Type.String(), Type.String()),
  labels: Type.Record(Type.String(), Type.String()),
});
export type VolumeSpec = Static<typeof VolumeSpec>;

/** Desired state of a project: a Compose file, resolved. The key of each record is the name in its value. */
export const ProjectSpec = Type.Object({
  name: ProjectName,
  services: Type.Record(Type.String(), ServiceSpec),
  networks: Type.Record(Type.String(), NetworkSpec),
  volumes: Type.Record(Type.String(), VolumeSpec),
});
export type ProjectSpec = Static<typeof ProjectSpec>;

/** The value under a project's key in the `desired` bucket. */
export const DesiredProject = Type.Object({
  spec: ProjectSpec,
  /** Counts up with every accepted change. */
  generation: Type.Integer({ minimum: 1 }),
  appliedAt: Type.String(),
  /** Set by `down`: the controller stops and removes everything, then deletes the key. */
  removal: Type.Optional(Type.Object({ volumes: Type.Boolean() })),
  /** Held stopped by `stop` until `start` or the next apply: a whole service (`web`) or one replica (`web/2`). */
  stopped: Type.Array(Type.String()),
  /** W3C Trace Context of the request that asked for it. */
  traceparent: Type.Optional(Type.String()),
});
export type DesiredProject = Static<typeof DesiredProject>;
