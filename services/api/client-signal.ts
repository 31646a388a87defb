import type { FastifyReply } from "fastify";

/** Aborted when the client goes away before its answer is complete, or when the API closes. */
export function clientSignal(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new Error("the client went away")));
  return AbortSignal.any([gone.signal, closing]);
}
