import { randomBytes } from "node:crypto";

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The traceparent (W3C Trace Context) that all requests of one command carry, so that what they cause is one trace. TRACEPARENT in
 * the environment makes the command part of a trace that is under way.
 */
export function commandTraceparent(environment: Readonly<Record<string, string | undefined>>): string {
  const inherited = environment.TRACEPARENT;
  const spanId = randomBytes(8).toString("hex");
  if (inherited !== undefined && TRACEPARENT.test(inherited))
    return `${inherited.slice(0, 36)}${spanId}${inherited.slice(52)}`;
  return `00-${randomBytes(16).toString("hex")}-${spanId}-01`;
}
