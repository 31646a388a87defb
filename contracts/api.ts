import { type Static, Type } from "typebox";
import { ObservedInstance } from "./instance.ts";
import { ProcessRecord } from "./process-record.ts";
import { ServiceSpec } from "./service-spec.ts";

/**
 * The HTTP API, version 1, under `/v1`. Errors are RFC 9457 problem details (`Problem` in slipway-error.ts,
 * application/problem+json). Long answers are newline-delimited JSON (application/x-ndjson), one value a line.
 *
 * | method and path | body | answer |
 * |---|---|---|
 * | GET /version | | VersionInfo |
 * | PUT /projects/:project | ProjectSpec | ApplyResult |
 * | GET /projects | | ProjectStatus[] |
 * | GET /projects/:project | | ProjectStatus |
 * | DELETE /projects/:project?volumes=bool | | ApplyResult |
 * | GET /instances?project=&service=&all=bool | | ObservedInstance[] |
 * | POST /instances | RunRequest | ObservedInstance (pending) |
 * | GET /instances/:ref | | InstanceDetails |
 * | GET /instances/:ref/plan | | LaunchReport |
 * | POST /instances/:ref/stop, start, restart, pause, unpause | | ObservedInstance |
 * | DELETE /instances/:ref?force=bool | | 204 |
 * | GET /instances/:ref/attach | WebSocket | attach frames |
 * | GET /instances/:ref/exec?request=<base64url JSON ExecRequest> | WebSocket | attach frames |
 * | GET /logs?project=&service=&follow=bool&tail=n&since= | | NDJSON of LogRecord |
 * | GET /events?since=cursor or RFC 3339&follow=bool | | NDJSON of RecordedEvent |
 * | GET /images | | ImageInfo[] |
 * | POST /images/pull | PullRequest | NDJSON of PullProgress |
 * | POST /images/import | ImportRequest | NDJSON of PullProgress |
 * | DELETE /images?reference= | | 204 |
 * | GET /volumes, /volumes/:name; DELETE /volumes/:name | | VolumeInfo |
 * | GET /networks, /networks/:name | | NetworkInfo |
 * | GET /ca | | the local CA's certificate, PEM |
 * | GET /doctor | | DoctorCheck[] |
 * | GET /traces?project=&service=&since=&limit= | | TraceSummary[] (trace.ts), the newest first |
 * | GET /traces/:id (a unique prefix is enough) | | Trace |
 * | POST /traces | SpanBatch: OTLP/HTTP in JSON, so that /v1/traces is an OTLP receiver's address | {} |
 * | GET /openapi.json | | OpenAPI 3.1 |
 *
 * `:ref` is an instance's id (a unique prefix is enough), its name, or `<project>/<service>` (its first running replica).
 */
export { API_PREFIX } from "./wire-names.ts";

export const VersionInfo = Type.Object({
  version: Type.String(),
  node: Type.String(),
  runtime: Type.String(),
  kernel: Type.String(),
  natsServer: Type.String(),
  /** The platform's processes on this machine, each with the version that it runs: they differ while an upgrade is under way. */
  processes: Type.Array(ProcessRecord),
});
export type VersionInfo = Static<typeof VersionInfo>;

/** What an apply will do to each service. */
export const ServiceChange = Type.Object({
  service: Type.String(),
  action: Type.Union([
    Type.Literal("create"),
    Type.Literal("replace"),
    Type.Literal("scale"),
    Type.Literal("keep"),
    Type.Literal("remove"),
  ]),
});
export type ServiceChange = Static<typeof ServiceChange>;

export const ApplyResult = Type.Object({
  project: Type.String(),
  generation: Type.Integer(),
  changes: Type.Array(ServiceChange),
  /** Where to follow events from, to miss none that this apply causes. */
  cursor: Type.Integer(),
});
export type ApplyResult = Static<typeof ApplyResult>;

/**
 * One service of a project, compared with what is wanted. waiting: held back by depends_on. progressing: being made,
 * replaced or removed. ready: as wanted (running, and healthy where it has a check; or completed with exit 0 where it is not
 * restarted). failed: will not get there without a change.
 */
export const ServiceStatus = Type.Object({
  service: Type.String(),
  state: Type.Union([
    Type.Literal("waiting"),
    Type.Literal("progressing"),
    Type.Literal("ready"),
    Type.Literal("failed"),
    Type.Literal("stopped"),
  ]),
  /** For a person: `2/3 running, 1 starting`, `waits for db to be healthy`, the error's message. */
  detail: Type.String(),
  replicas: Type.Integer(),
  running: Type.Integer(),
  healthy: Type.Integer(),
});
export type ServiceStatus = Static<typeof ServiceStatus>;

export const ProjectStatus = Type.Object({
  project: Type.String(),
  generation: Type.Integer(),
  /** removing: `down` is under way; the project answers 404 when it is gone. */
  state: Type.Union([
    Type.Literal("progressing"),
    Type.Literal("ready"),
    Type.Literal("failed"),
    Type.Literal("stopped"),
    Type.Literal("removing"),
  ]),
  services: Type.Array(ServiceStatus),
});
export type ProjectStatus = Static<typeof ProjectStatus>;

/** `slipway run`: one container. Its spec has `restart: no` unless detached. */
export const RunRequest = Type.Object({
  spec: ServiceSpec,
  /** The project whose networks, volumes and subjects it uses; `run` when absent. */
  project: Type.Optional(Type.String()),
  interactive: Type.Boolean(),
  /** The caller will attach: the process does not start before it has. */
  attach: Type.Boolean(),
  removeOnExit: Type.Boolean(),
});
export type RunRequest = Static<typeof RunRequest>;

export const ExecRequest = Type.Object({
  command: Type.Array(Type.String(), { minItems: 1 }),
  environment: Type.Record(Type.String(), Type.String()),
  user: Type.Optional(Type.String()),
  workingDir: Type.Optional(Type.String()),
  interactive: Type.Boolean(),
});
export type ExecRequest = Static<typeof ExecRequest>;

export const InstanceDetails = Type.Object({
  observed: ObservedInstance,
  /** The assignment, null for an instance that is on its way out. */
  spec: Type.Union([ServiceSpec, Type.Null()]),
});
export type InstanceDetails = Static<typeof InstanceDetails>;

/** One line of a container's output. */
/** How many bytes of an instance's stdout and of its stderr the log holds up to here, counted from its first. */
export const LogPosition = Type.Tuple([Type.Integer({ minimum: 0 }), Type.Integer({ minimum: 0 })]);
export type LogPosition = Static<typeof LogPosition>;

export const LogRecord = Type.Object({
  /** RFC 3339, nanoseconds where known. */
  time: Type.String(),
  stream: Type.Union([Type.Literal("stdout"), Type.Literal("stderr")]),
  /** Without its newline; a line over 16 KiB comes in parts. */
  line: Type.String(),
  /** True when the line goes on in the next record. */
  partial: Type.Boolean(),
  /** Where in the instance's log it ends; told to those who follow. */
  at: Type.Optional(LogPosition),
  project: Type.String(),
  service: Type.String(),
  instance: Type.String(),
});
export type LogRecord = Static<typeof LogRecord>;

export const LogQuery = Type.Object({
  project: Type.Optional(Type.String()),
  services: Type.Array(Type.String()),
  instanceId: Type.Optional(Type.String()),
  follow: Type.Boolean(),
  /** The last n lines of each instance; absent: all. */
  tail: Type.Optional(Type.Integer({ minimum: 0 })),
  /** RFC 3339: only records from then on. */
  since: Type.Optional(Type.String()),
  /** By `<project>/<service>/<instance>`: only what comes after, whatever `tail` and `since` say. So a reader goes on where it was cut off. */
  after: Type.Optional(Type.Record(Type.String(), LogPosition)),
});
export type LogQuery = Static<typeof LogQuery>;

export const PullRequest = Type.Object({ reference: Type.String({ minLength: 1 }) });
export type PullRequest = Static<typeof PullRequest>;

export const ImportRequest = Type.Object({
  /** An absolute path on the node: an OCI image layout (folder or tar) or a `docker save` archive. */
  path: Type.String({ pattern: "^/" }),
  /** The name to give it; absent: its own annotation. */
  reference: Type.Optional(Type.String()),
});
export type ImportRequest = Static<typeof ImportRequest>;

export const PullProgress = Type.Object({
  phase: Type.Union([
    Type.Literal("resolving"),
    Type.Literal("downloading"),
    Type.Literal("unpacking"),
    Type.Literal("done"),
    Type.Literal("failed"),
  ]),
  /** The layer or manifest this is about; absent for the whole. */
  digest: Type.Optional(Type.String()),
  doneBytes: Type.Integer(),
  totalBytes: Type.Integer(),
  /** With `done`. */
  image: Type.Optional(Type.Unknown()),
  /** With `failed`: a Problem. */
  problem: Type.Optional(Type.Unknown()),
});
export type PullProgress = Static<typeof PullProgress>;

export const ImageInfo = Type.Object({
  reference: Type.String(),
  digest: Type.String(),
  layers: Type.Integer(),
  sizeBytes: Type.Integer(),
  createdAt: Type.Union([Type.String(), Type.Null()]),
});
export type ImageInfo = Static<typeof ImageInfo>;

export const VolumeInfo = Type.Object({
  /** `<project>_<volume>` */
  name: Type.String(),
  project: Type.String(),
  driver: Type.String(),
  path: Type.Union([Type.String(), Type.Null()]),
  /** Null when it is not known: counting the files of a large volume takes too long. */
  usedBytes: Type.Union([Type.Integer(), Type.Null()]),
  createdAt: Type.String(),
  usedBy: Type.Array(Type.String()),
});
export type VolumeInfo = Static<typeof VolumeInfo>;

export const NetworkInfo = Type.Object({
  /** `<project>_<network>` */
  name: Type.String(),
  project: Type.String(),
  bridge: Type.String(),
  subnet: Type.String(),
  gateway: Type.String(),
  internal: Type.Boolean(),
  endpoints: Type.Array(Type.Object({ instance: Type.String(), ip: Type.String(), aliases: Type.Array(Type.String()) })),
});
export type NetworkInfo = Static<typeof NetworkInfo>;

export const DoctorCheck = Type.Object({
  id: Type.String(),
  /** ok: there. limited: Slipway works with less. missing: something named in `means` does not work. */
  verdict: Type.Union([Type.Literal("ok"), Type.Literal("limited"), Type.Literal("missing")]),
  found: Type.String(),
  means: Type.String(),
  remedy: Type.String(),
});
export type DoctorCheck = Static<typeof DoctorCheck>;

/** One step of a launch as it went, for `inspect --plan`. */
export const LaunchStepReport = Type.Object({
  /** host: the supervisor, before and while the child waits. child: between clone3 and execve. */
  where: Type.Union([Type.Literal("host"), Type.Literal("child")]),
  name: Type.String(),
  /** In strace's notation, without the result. */
  call: Type.String(),
  /** The result, or null for a step that was not reached (or an execve that succeeded). */
  result: Type.Union([Type.Integer(), Type.Null()]),
  errno: Type.Union([Type.String(), Type.Null()]),
  microseconds: Type.Union([Type.Number(), Type.Null()]),
});
export type LaunchStepReport = Static<typeof LaunchStepReport>;

export const LaunchReport = Type.Object({
  instanceId: Type.String(),
  steps: Type.Array(LaunchStepReport),
});
export type LaunchReport = Static<typeof LaunchReport>;
