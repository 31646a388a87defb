import { type Static, Type } from "typebox";

/** ready: takes requests. unhealthy: fails its check. draining: takes no new request; those under way may finish. */
export const RouteTarget = Type.Object({
  instanceId: Type.String(),
  address: Type.String(),
  port: Type.Integer(),
  state: Type.Union([Type.Literal("ready"), Type.Literal("unhealthy"), Type.Literal("draining")]),
  /** W3C Trace Context of what started the instance: its first answered request ends that trace. */
  traceparent: Type.Optional(Type.String()),
});
export type RouteTarget = Static<typeof RouteTarget>;

/** The value under a route's key in the `routes` bucket; written by the controller, followed by every gateway. */
export const RouteEntry = Type.Object({
  host: Type.String(),
  path: Type.String(),
  project: Type.String(),
  service: Type.String(),
  targets: Type.Array(RouteTarget),
});
export type RouteEntry = Static<typeof RouteEntry>;

/**
 * How long a target stays `draining` before its instance is asked to stop, when no gateway says that it is done with it: it has heard of it
 * by then.
 */
export const DRAIN_NOTICE_MS = 1_000;
