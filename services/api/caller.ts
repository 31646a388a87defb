import type { FastifyRequest } from "fastify";
import { CALLER_HEADER } from "#contracts/wire-names.ts";

/** A part of an event's data. */
export interface Caller {
  by?: string;
}

const READABLE = /^[\w ().:@-]{1,64}$/;

/**
 * Who asks, as an event's `by`: what the client says of itself. Whether it may ask was the socket's permissions' or the token's to say, so
 * nobody gains by a lie; undefined where it says nothing.
 */
export function callerOf({ headers }: FastifyRequest): Caller {
  const said = headers[CALLER_HEADER];
  return typeof said === "string" && READABLE.test(said) ? { by: said } : {};
}
