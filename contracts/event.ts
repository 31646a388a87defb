import { type Static, Type } from "typebox";

/** The platform's own event types, in the past tense. `type` on the wire is `dev.slipway.<one of these>`. */
export const EVENT_TYPES = [
  "project.applied",
  "project.removed",
  "service.replaced",
  "service.waiting",
  "instance.assigned",
  "instance.requested",
  "instance.pulled",
  "instance.created",
  "instance.waiting",
  "instance.started",
  "instance.healthy",
  "instance.unhealthy",
  "instance.exited",
  "instance.oom-killed",
  "instance.output-throttled",
  "instance.pids-limit-reached",
  "instance.queries-throttled",
  "instance.restarting",
  "instance.stopping",
  "instance.paused",
  "instance.unpaused",
  "instance.failed",
  "instance.removed",
  "image.pulled",
  "image.imported",
  "image.removed",
  "network.created",
  "network.removed",
  "volume.created",
  "volume.removed",
  "route.added",
  "route.changed",
  "route.removed",
  "credentials.issued",
  "credentials.revoked",
  "node.started",
  "node.stopped",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** A CloudEvents 1.0 event of the platform, in structured form. */
export const PlatformEvent = Type.Object({
  specversion: Type.Literal("1.0"),
  id: Type.String(),
  /** `/nodes/<node>/agent`, `/control/controller`, … */
  source: Type.String(),
  /** `dev.slipway.instance.started` */
  type: Type.String(),
  /** What it is about: `<project>/<service>/<instance name>`, `<project>`, … */
  subject: Type.String(),
  time: Type.String(),
  datacontenttype: Type.Literal("application/json"),
  traceparent: Type.Optional(Type.String()),
  data: Type.Record(Type.String(), Type.Unknown()),
});
export type PlatformEvent = Static<typeof PlatformEvent>;

/** An event read back: with the stream sequence that a later read resumes after. */
export interface RecordedEvent {
  cursor: number;
  event: PlatformEvent;
}
