import { type Static, type TSchema, Type } from "typebox";
import {
  DoctorCheck,
  ExecRequest,
  ImageInfo,
  ImportRequest,
  LaunchReport,
  LogQuery,
  NetworkInfo,
  PullRequest,
  VolumeInfo,
} from "./api.ts";
import { InstanceId } from "./names.ts";

/**
 * What the control plane asks of one node's agent, on `nodeSubject(node, operation)`. Requests have one answer, streams go on.
 * Errors are SlipwayErrors on both: `Platform` carries them. Openings and requests are parsed by these schemas.
 *
 * | operation | kind | opening or request | answer, or what the stream carries |
 * |---|---|---|---|
 * | logs | stream | LogQuery | node → caller: NDJSON of LogRecord, whole lines a chunk; ends when all is said (not with `follow`) |
 * | attach | stream | {instanceId} | attach frames both ways (attach.ts); the agent ends it after `exit` or `error` |
 * | exec | stream | {instanceId, request: ExecRequest} | as attach; the process is killed when the caller goes away |
 * | plan | request | {instanceId} | LaunchReport of its latest launch |
 * | signal | request | {instanceId, signal} | {} |
 * | pause, unpause | request | {instanceId} | {} |
 * | image-pull | stream | PullRequest | node → caller: NDJSON of PullProgress; last is `done` or `failed` |
 * | image-import | stream | ImportRequest | as image-pull |
 * | image-list | request | {} | ImageInfo[] |
 * | image-remove | request | {reference} | {removed} |
 * | volume-list | request | {project?} | VolumeInfo[] |
 * | volume-remove | request | {name} | {removed}; refused (409) while an instance uses it |
 * | network-list | request | {} | NetworkInfo[] |
 * | doctor | request | {} | DoctorCheck[] |
 *
 * A network has no remove: it is on a node while an assignment there names it, and the agent removes it with the last one.
 */
export const NODE_OPERATIONS = {
  logs: { kind: "stream", opening: LogQuery },
  attach: { kind: "stream", opening: Type.Object({ instanceId: InstanceId }) },
  exec: { kind: "stream", opening: Type.Object({ instanceId: InstanceId, request: ExecRequest }) },
  plan: { kind: "request", request: Type.Object({ instanceId: InstanceId }), answer: LaunchReport },
  /** `signal` is a name with SIG. Refused (409) when the instance has no process. */
  signal: {
    kind: "request",
    request: Type.Object({ instanceId: InstanceId, signal: Type.String({ pattern: "^SIG" }) }),
    answer: Type.Object({}),
  },
  /** Freezes and thaws; again does nothing. Refused (409) when the instance has no process. */
  pause: { kind: "request", request: Type.Object({ instanceId: InstanceId }), answer: Type.Object({}) },
  unpause: { kind: "request", request: Type.Object({ instanceId: InstanceId }), answer: Type.Object({}) },
  "image-pull": { kind: "stream", opening: PullRequest },
  "image-import": { kind: "stream", opening: ImportRequest },
  "image-list": { kind: "request", request: Type.Object({}), answer: Type.Array(ImageInfo) },
  /** `removed` is false when there was none. Refused (409) while an instance uses it. */
  "image-remove": {
    kind: "request",
    request: Type.Object({ reference: Type.String({ minLength: 1 }) }),
    answer: Type.Object({ removed: Type.Boolean() }),
  },
  "volume-list": {
    kind: "request",
    request: Type.Object({ project: Type.Optional(Type.String()) }),
    answer: Type.Array(VolumeInfo),
  },
  /** `name` is `<project>_<volume>`; `removed` is false when there was none. Refused (409) while an instance uses it. */
  "volume-remove": {
    kind: "request",
    request: Type.Object({ name: Type.String({ minLength: 1 }) }),
    answer: Type.Object({ removed: Type.Boolean() }),
  },
  "network-list": { kind: "request", request: Type.Object({}), answer: Type.Array(NetworkInfo) },
  doctor: { kind: "request", request: Type.Object({}), answer: Type.Array(DoctorCheck) },
} as const satisfies Record<string, StreamOperation | RequestOperation>;

interface StreamOperation {
  kind: "stream";
  opening: TSchema;
}
interface RequestOperation {
  kind: "request";
  request: TSchema;
  answer: TSchema;
}

type Operations = typeof NODE_OPERATIONS;
export type NodeStreamOperation = {
  [Name in keyof Operations]: Operations[Name] extends { kind: "stream" } ? Name : never;
}[keyof Operations];
export type NodeRequestOperation = Exclude<keyof Operations, NodeStreamOperation>;

export type NodeOpening<Name extends NodeStreamOperation> = Static<Operations[Name]["opening"]>;
export type NodeRequest<Name extends NodeRequestOperation> = Static<Operations[Name]["request"]>;
export type NodeAnswer<Name extends NodeRequestOperation> = Static<Operations[Name]["answer"]>;

/**
 * How long an agent waits for the assignment that an `attach` names: the caller may be faster than the watch that tells the
 * agent of it.
 */
export const ATTACH_ASSIGNMENT_WAIT_MS = 5_000;
