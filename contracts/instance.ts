import { type Static, Type } from "typebox";
import { InstanceId, InstanceName } from "./names.ts";
import { NetworkSpec, VolumeSpec } from "./project-spec.ts";
import { ServiceSpec } from "./service-spec.ts";

export { RUN_PROJECT } from "./wire-names.ts";

/**
 * What the control plane asks of a node for one instance: the value under `<node>.<instanceId>` in the `assignments` bucket.
 * Deleting the key asks for the instance's removal. `running` and `stopped` are what the agent holds it to.
 */
export const Assignment = Type.Object({
  instanceId: InstanceId,
  /** `<project>-<service>-<index>`, or container_name. */
  name: InstanceName,
  project: Type.String(),
  service: Type.String(),
  /** 1 for the first replica. */
  index: Type.Integer({ minimum: 1 }),
  /** Hash of what makes a container: a changed one is a new instance. */
  revision: Type.String(),
  node: Type.String(),
  desired: Type.Union([Type.Literal("running"), Type.Literal("stopped")]),
  /** Counts up with each `slipway restart` or `start`: a higher one than the agent last acted on starts the container anew. */
  runSerial: Type.Integer({ minimum: 0 }),
  spec: ServiceSpec,
  networks: Type.Record(Type.String(), NetworkSpec),
  volumes: Type.Record(Type.String(), VolumeSpec),
  /** Set for every instance of `slipway run`, and only for these: its standard streams, and what becomes of it when it ends. */
  attached: Type.Optional(
    Type.Object({
      /** Keep stdin open and forward it. */
      interactive: Type.Boolean(),
      /** The process waits for the attach before it starts, so that no output is missed. */
      waitForAttach: Type.Boolean(),
      removeOnExit: Type.Boolean(),
    }),
  ),
  createdAt: Type.String(),
  /** RFC 3339. Set by the controller when it takes the instance off its routes; it is removed when the gateways have had notice. */
  drainingSince: Type.Optional(Type.String()),
  traceparent: Type.Optional(Type.String()),
});
export type Assignment = Static<typeof Assignment>;

/**
 * pending: seen, nothing done. pulling: its image is on the way. creating: volumes, network, root file system and process
 * are being made. running: exec'd. paused: exec'd, and stands where it was frozen. restarting: ended, waits for its backoff. stopping: its stop signal was sent.
 * exited: ended and not to be restarted. failed: could not be started; `error` says why.
 */
export const InstanceState = Type.Union([
  Type.Literal("pending"),
  Type.Literal("pulling"),
  Type.Literal("creating"),
  Type.Literal("running"),
  Type.Literal("paused"),
  Type.Literal("restarting"),
  Type.Literal("stopping"),
  Type.Literal("exited"),
  Type.Literal("failed"),
]);
export type InstanceState = Static<typeof InstanceState>;

/** none: has no health check. */
export const HealthState = Type.Union([
  Type.Literal("none"),
  Type.Literal("starting"),
  Type.Literal("healthy"),
  Type.Literal("unhealthy"),
]);
export type HealthState = Static<typeof HealthState>;

export const InstanceFailure = Type.Object({
  code: Type.String(),
  message: Type.String(),
  remedy: Type.String(),
  exitCode: Type.Integer(),
});
export type InstanceFailure = Static<typeof InstanceFailure>;

/** What a node reports of one instance: the value under `<node>.<instanceId>` in the `observed` bucket. */
export const ObservedInstance = Type.Object({
  instanceId: InstanceId,
  name: InstanceName,
  project: Type.String(),
  service: Type.String(),
  index: Type.Integer(),
  revision: Type.String(),
  node: Type.String(),
  state: InstanceState,
  health: HealthState,
  /** 128+n for signal n. */
  exitCode: Type.Union([Type.Integer(), Type.Null()]),
  oomKilled: Type.Boolean(),
  error: Type.Optional(InstanceFailure),
  /** The host's pid of the container's init; null when it does not run. */
  pid: Type.Union([Type.Integer(), Type.Null()]),
  /** The address on the first network, null when there is none. */
  ip: Type.Union([Type.String(), Type.Null()]),
  addresses: Type.Record(Type.String(), Type.String()),
  ports: Type.Array(
    Type.Object({
      hostIp: Type.String(),
      hostPort: Type.Integer(),
      containerPort: Type.Integer(),
      protocol: Type.String(),
    }),
  ),
  image: Type.String(),
  imageDigest: Type.Union([Type.String(), Type.Null()]),
  /** RFC 3339 with milliseconds. */
  createdAt: Type.String(),
  startedAt: Type.Union([Type.String(), Type.Null()]),
  finishedAt: Type.Union([Type.String(), Type.Null()]),
  restarts: Type.Integer(),
  /** The runSerial last acted on. */
  runSerial: Type.Integer(),
});
export type ObservedInstance = Static<typeof ObservedInstance>;
