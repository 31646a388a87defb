import { errors, type Msg } from "@nats-io/transport-node";
import { type Problem, SlipwayError } from "#contracts/slipway-error.ts";
import { isDenied, isUnanswered } from "../connection/failures.ts";
import { Deadline } from "../connection/deadline.ts";
import type { Link } from "../connection/link.ts";
import { orAborted } from "../connection/or-aborted.ts";
import { messagingError } from "../errors.ts";
import type { CallOptions } from "../platform.ts";
import { DEFAULT_CALL_TIMEOUT_MS, PROBLEM_HEADER, TIMEOUT_HEADER } from "./call-headers.ts";
import { decodePayload, encodePayload, requirePayloadFits } from "./json-payload.ts";
import { headersWithTrace } from "./trace-headers.ts";

/** Sends one request and waits for its answer, for no longer than the connection lives: it may have been made, so it is not repeated. */
export async function request<Answer>(
  link: Link,
  subject: string,
  body: unknown,
  options: CallOptions = {},
): Promise<Answer> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_CALL_TIMEOUT_MS;
  const payload = encodePayload(body);
  requirePayloadFits(payload, link.connection.info?.max_payload, `the request to ${subject}`);
  const headers = headersWithTrace({ [TIMEOUT_HEADER]: String(timeoutMs) });
  using deadline = new Deadline(timeoutMs);
  let answer: Msg;
  try {
    const session = await link.session(
      options.signal ? AbortSignal.any([deadline.signal, options.signal]) : deadline.signal,
    );
    const answered = link.connection.request(subject, payload, { timeout: timeoutMs, headers });
    answer = await orAborted(answered, session, options.signal);
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw callFailure(subject, deadline, cause);
  }
  const value = decodePayload(answer.data, `the answer from ${subject}`);
  if (answer.headers?.has(PROBLEM_HEADER)) throw SlipwayError.fromProblem(value as Problem);
  return value as Answer;
}

/** Why a call got no answer, in the words of the caller. */
export function callFailure(subject: string, deadline: Deadline, cause: unknown): SlipwayError {
  if (cause instanceof SlipwayError) return cause;
  if (isUnanswered(cause)) return messagingError("SLIPWAY_MESSAGING_NO_RESPONDER", `nobody answers ${subject}`, { cause });
  if (cause instanceof errors.TimeoutError || deadline.passed) {
    return messagingError("SLIPWAY_MESSAGING_TIMEOUT", `${subject} did not answer within ${deadline.ms} milliseconds`, {
      cause,
    });
  }
  if (isDenied(cause)) {
    return messagingError("SLIPWAY_MESSAGING_DENIED", `this process may not ask ${subject}`, { cause });
  }
  return messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", `${subject} cannot be asked: ${(cause as Error).message}`, {
    cause,
  });
}
