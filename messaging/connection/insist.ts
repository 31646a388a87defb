import { setTimeout as delay } from "node:timers/promises";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { messagingError } from "../errors.ts";
import { Deadline } from "./deadline.ts";
import { isDenied, mayPass } from "./failures.ts";
import type { Link } from "./link.ts";
import { orAborted } from "./or-aborted.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const RETRY_MS = 50;

/**
 * Repeats an exchange with the server, one that may be made twice, until it has an outcome: over reconnects, a server that is still
 * starting, answers that were lost. Throws SLIPWAY_MESSAGING_DENIED when the credentials do not allow it, and SLIPWAY_MESSAGING_UNAVAILABLE after `timeoutMs` (10,000 when absent).
 */
export async function insist<Outcome>(
  link: Link,
  what: string,
  exchange: () => Promise<Outcome>,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Outcome> {
  const { signal } = options;
  using deadline = new Deadline(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const limit = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
  let lastFailure: unknown;
  for (;;) {
    try {
      const session = await link.session(limit);
      return await orAborted(exchange(), session, limit);
    } catch (failure) {
      signal?.throwIfAborted();
      if (deadline.passed || link.closed) throw unavailable(what, deadline, lastFailure ?? failure);
      if (isDenied(failure)) throw messagingError("SLIPWAY_MESSAGING_DENIED", `${what} is not allowed`, { cause: failure });
      if (!mayPass(failure)) throw failure;
      lastFailure = failure;
    }
    await delay(RETRY_MS, undefined, { signal: limit }).catch(() => undefined);
  }
}

function unavailable(what: string, deadline: Deadline, cause: unknown): SlipwayError {
  const why = deadline.passed ? `did not succeed within ${deadline.ms} milliseconds` : "ended with the connection";
  return messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", `${what} ${why}`, { cause });
}
