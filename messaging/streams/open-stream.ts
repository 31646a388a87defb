import { TIMEOUT_HEADER, DEFAULT_CALL_TIMEOUT_MS } from "../calls/call-headers.ts";
import { encodePayload, requirePayloadFits } from "../calls/json-payload.ts";
import { callFailure } from "../calls/request.ts";
import { headersWithTrace } from "../calls/trace-headers.ts";
import { Deadline } from "../connection/deadline.ts";
import type { Link } from "../connection/link.ts";
import { orAborted } from "../connection/or-aborted.ts";
import type { CallOptions, MessageStream } from "../platform.ts";
import { StreamEnd } from "./stream-end.ts";

/** Opens a stream and resolves when somebody serves it. */
export async function openStream(
  link: Link,
  subject: string,
  opening: unknown,
  options: CallOptions = {},
): Promise<MessageStream> {
  const payload = encodePayload(opening);
  requirePayloadFits(payload, link.connection.info?.max_payload, `the opening of ${subject}`);
  using deadline = new Deadline(options.timeoutMs ?? DEFAULT_CALL_TIMEOUT_MS);
  const stream = new StreamEnd(link, subject);
  try {
    const limit = options.signal ? AbortSignal.any([deadline.signal, options.signal]) : deadline.signal;
    const session = await link.session(limit);
    const headers = headersWithTrace({ [TIMEOUT_HEADER]: String(deadline.ms) });
    link.connection.publish(subject, payload, { reply: stream.inbox, headers });
    await orAborted(stream.accepted, session, limit);
    return stream;
  } catch (cause) {
    await stream[Symbol.asyncDispose]();
    options.signal?.throwIfAborted();
    throw callFailure(subject, deadline, cause);
  }
}
