import { type Static, Type } from "typebox";
import { InstanceName, ResourceName } from "./names.ts";
import { LONGEST_DURATION_MS, MAXIMUM_REPLICAS } from "./wire-names.ts";

const AbsolutePath = Type.String({ pattern: "^/" });
const Port = Type.Integer({ minimum: 1, maximum: 65535 });

/** A port published on the host; `hostPort` 0 lets the node choose. */
export const PublishedPort = Type.Object({
  hostIp: Type.String({ default: "0.0.0.0" }),
  hostPort: Type.Integer({ minimum: 0, maximum: 65535 }),
  containerPort: Port,
  protocol: Type.Union([Type.Literal("tcp"), Type.Literal("udp")]),
});
export type PublishedPort = Static<typeof PublishedPort>;

/** Shared subtrees, mount_namespaces(7). */
export const Propagation = Type.Union([
  Type.Literal("private"),
  Type.Literal("rprivate"),
  Type.Literal("slave"),
  Type.Literal("rslave"),
  Type.Literal("shared"),
  Type.Literal("rshared"),
]);

export const VolumeMount = Type.Object({
  type: Type.Literal("volume"),
  /** A key of the project's volumes, or "" for an anonymous volume of the instance. */
  volume: Type.String(),
  target: AbsolutePath,
  readOnly: Type.Boolean(),
});
export const BindMount = Type.Object({
  type: Type.Literal("bind"),
  /** An absolute path on the node. */
  source: AbsolutePath,
  target: AbsolutePath,
  readOnly: Type.Boolean(),
  /** Make the directory if it is not there (the Compose short form does). */
  createHostPath: Type.Boolean(),
  propagation: Type.Optional(Propagation),
});
export const TmpfsMount = Type.Object({
  type: Type.Literal("tmpfs"),
  target: AbsolutePath,
  sizeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Permission bits, 0o1777 when absent. */
  mode: Type.Optional(Type.Integer({ minimum: 0, maximum: 0o7777 })),
});
export const Mount = Type.Union([VolumeMount, BindMount, TmpfsMount]);
export type VolumeMount = Static<typeof VolumeMount>;
export type BindMount = Static<typeof BindMount>;
export type TmpfsMount = Static<typeof TmpfsMount>;
export type Mount = Static<typeof Mount>;

export const Healthcheck = Type.Object({
  /** `["CMD", arg…]` or `["CMD-SHELL", line]`. */
  test: Type.Array(Type.String(), { minItems: 2 }),
  intervalMs: Type.Integer({ minimum: 1, maximum: LONGEST_DURATION_MS }),
  timeoutMs: Type.Integer({ minimum: 1, maximum: LONGEST_DURATION_MS }),
  startPeriodMs: Type.Integer({ minimum: 0, maximum: LONGEST_DURATION_MS }),
  startIntervalMs: Type.Integer({ minimum: 1, maximum: LONGEST_DURATION_MS }),
  retries: Type.Integer({ minimum: 1 }),
});
export type Healthcheck = Static<typeof Healthcheck>;

export const RestartPolicy = Type.Object({
  name: Type.Union([
    Type.Literal("no"),
    Type.Literal("always"),
    Type.Literal("on-failure"),
    Type.Literal("unless-stopped"),
  ]),
  maximumRetryCount: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type RestartPolicy = Static<typeof RestartPolicy>;

export const DependencyCondition = Type.Union([
  Type.Literal("service_started"),
  Type.Literal("service_healthy"),
  Type.Literal("service_completed_successfully"),
]);
export type DependencyCondition = Static<typeof DependencyCondition>;

/** x-slipway.route: what the gateway sends to this service. */
export const RouteSpec = Type.Object({
  /** A DNS name; `*.example.org` takes one label. */
  host: Type.String({ minLength: 1 }),
  /** A path prefix, matched on whole segments. */
  path: Type.String({ pattern: "^/" }),
  /** The container's port, plain HTTP/1.1. */
  port: Port,
});
export type RouteSpec = Static<typeof RouteSpec>;

/** x-slipway: the subjects a service may use. Subjects are the project's own; another project never hears them. */
export const SlipwayExtension = Type.Object({
  routes: Type.Array(RouteSpec),
  /** Subjects it may publish to. */
  publishes: Type.Array(Type.String()),
  /** Subjects it may subscribe to. */
  subscribes: Type.Array(Type.String()),
  /** Subjects it may send requests to (publish, and receive answers in its inbox). */
  requests: Type.Array(Type.String()),
  /** Subjects whose requests it answers (subscribe, and publish answers). */
  serves: Type.Array(Type.String()),
});
export type SlipwayExtension = Static<typeof SlipwayExtension>;

const DevicePath = Type.String({ pattern: "^/dev/." });

/** A rate for one block device of the node: bytes or operations a second. */
export const DeviceRate = Type.Object({ path: DevicePath, perSecond: Type.Integer({ minimum: 1 }) });
export type DeviceRate = Static<typeof DeviceRate>;

/** Compose's blkio_config. Weights are relative, 500 is everybody's. */
export const BlockIoLimits = Type.Object({
  weight: Type.Optional(Type.Integer({ minimum: 10, maximum: 1000 })),
  deviceWeights: Type.Array(Type.Object({ path: DevicePath, weight: Type.Integer({ minimum: 10, maximum: 1000 }) })),
  readBytes: Type.Array(DeviceRate),
  writeBytes: Type.Array(DeviceRate),
  readOperations: Type.Array(DeviceRate),
  writeOperations: Type.Array(DeviceRate),
});
export type BlockIoLimits = Static<typeof BlockIoLimits>;

export const ResourceLimits = Type.Object({
  memoryBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Memory and swap together, -1 is as much swap as there is. Absent: no swap for what has a memory limit. */
  memoryAndSwapBytes: Type.Optional(Type.Integer({ minimum: -1 })),
  /** What is left to it while the machine is short of memory. */
  memoryReservationBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** 0 to 100; only cgroup v1 has it. */
  memorySwappiness: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  /** CPUs' worth of time, 0.5 is half of one. */
  cpus: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  /** The time over which `cpus` is held, 100 ms when absent. */
  cpuPeriodUs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 1_000_000 })),
  /** A relative weight when CPUs are contended, 1024 is everybody's. */
  cpuShares: Type.Optional(Type.Integer({ minimum: 2, maximum: 262_144 })),
  /** The CPUs it may run on: `0-2,5`. */
  cpuset: Type.Optional(Type.String({ pattern: "^\\d+(-\\d+)?(,\\d+(-\\d+)?)*$" })),
  /** Processes and threads; 2,048 when absent, -1 is no limit. */
  pids: Type.Optional(Type.Integer({ minimum: -1 })),
  blockIo: Type.Optional(BlockIoLimits),
});
export type ResourceLimits = Static<typeof ResourceLimits>;

/** A device node of the host for the container, its root the owner. */
export const DeviceMapping = Type.Object({
  source: DevicePath,
  target: AbsolutePath,
  /** Some of read, write, mknod, as docker writes them: `rw`. */
  access: Type.String({ pattern: "^(?=.)r?w?m?$" }),
});
export type DeviceMapping = Static<typeof DeviceMapping>;

/** One service of a project, fully resolved: no interpolation, no relative path, every duration in milliseconds. */
export const ServiceSpec = Type.Object({
  name: ResourceName,
  /** An image reference, or `host`: the host's own read-only /usr, /bin, /lib. */
  image: Type.String({ minLength: 1 }),
  /** Absent: the image's own. */
  command: Type.Optional(Type.Array(Type.String())),
  entrypoint: Type.Optional(Type.Array(Type.String())),
  environment: Type.Record(Type.String(), Type.String()),
  workingDir: Type.Optional(AbsolutePath),
  /** `user[:group]`, names or numbers, as the container sees them. */
  user: Type.Optional(Type.String()),
  hostname: Type.Optional(Type.String()),
  containerName: Type.Optional(InstanceName),
  ports: Type.Array(PublishedPort),
  expose: Type.Array(Type.Object({ port: Port, protocol: Type.Union([Type.Literal("tcp"), Type.Literal("udp")]) })),
  mounts: Type.Array(Mount),
  /** Keys of the project's networks; empty is no network but loopback. */
  networks: Type.Array(Type.Object({ name: ResourceName, aliases: Type.Array(Type.String()) })),
  dependsOn: Type.Record(
    Type.String(),
    Type.Object({ condition: DependencyCondition, required: Type.Boolean(), restart: Type.Boolean() }),
  ),
  healthcheck: Type.Optional(Healthcheck),
  /** True switches the image's own health check off (`disable: true`, `test: NONE`). */
  healthcheckDisabled: Type.Boolean(),
  restart: RestartPolicy,
  /** A signal's name (SIGTERM). Absent: the image's, else SIGTERM. */
  stopSignal: Type.Optional(Type.String()),
  stopGracePeriodMs: Type.Integer({ minimum: 0, maximum: LONGEST_DURATION_MS }),
  readOnly: Type.Boolean(),
  /** Capability names without CAP_, or ALL. */
  capAdd: Type.Array(Type.String()),
  capDrop: Type.Array(Type.String()),
  limits: ResourceLimits,
  /** Beside the standard ones (null, zero, full, random, urandom, tty). */
  devices: Type.Optional(Type.Array(DeviceMapping)),
  /** -1000 (never killed for want of memory) to 1000; 0 when absent. */
  oomScoreAdj: Type.Optional(Type.Integer({ minimum: -1000, maximum: 1000 })),
  labels: Type.Record(Type.String(), Type.String()),
  /** A minimal init as PID 1 that reaps and forwards signals. */
  init: Type.Boolean(),
  replicas: Type.Integer({ minimum: 0, maximum: MAXIMUM_REPLICAS }),
  slipway: SlipwayExtension,
});
export type ServiceSpec = Static<typeof ServiceSpec>;
