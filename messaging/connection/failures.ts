import { JetStreamApiError } from "@nats-io/jetstream";
import { jserrors } from "@nats-io/jetstream/internal";
import { errors } from "@nats-io/transport-node";
import { hasCode } from "#contracts/slipway-error.ts";

/** nats-server's "JetStream system temporarily unavailable": it is still reading its store. */
const JETSTREAM_UNAVAILABLE = 10008;

/** Nobody listened on the subject: no such server or stream, or JetStream is not up yet. */
export function isUnanswered(failure: unknown): boolean {
  return (
    failure instanceof errors.NoRespondersError ||
    (failure instanceof errors.RequestError && failure.isNoResponders()) ||
    failure instanceof jserrors.JetStreamNotEnabled
  );
}

/** The credentials do not allow the subject. */
export function isDenied(failure: unknown): boolean {
  return (
    failure instanceof errors.PermissionViolationError ||
    (failure instanceof Error && failure.cause instanceof errors.PermissionViolationError)
  );
}

/** True for a failure that says nothing about what was asked: the same may succeed in a moment. */
export function mayPass(failure: unknown): boolean {
  return (
    hasCode(failure, "SLIPWAY_MESSAGING_UNAVAILABLE") ||
    failure instanceof errors.TimeoutError ||
    isUnanswered(failure) ||
    (failure instanceof JetStreamApiError && failure.code === JETSTREAM_UNAVAILABLE)
  );
}
