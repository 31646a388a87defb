import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { type Problem, SlipwayError, toSlipwayError } from "#contracts/slipway-error.ts";
import type { Log } from "#services/state/log.ts";
import { apiError } from "./errors.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** Answers every error as problem details (RFC 9457); what we did not foresee is logged, once, here. */
export function problemReply(log: Log) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = toProblem(error);
    if (problem.status >= 500) log(`${request.method} ${request.url} failed`, error);
    void reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
  };
}

export function notFoundReply(request: FastifyRequest, reply: FastifyReply): void {
  const problem = pathNotFound(request.method, request.url).toProblem();
  void reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

export const pathNotFound = (method: string, url: string): SlipwayError =>
  apiError("SLIPWAY_API_NOT_FOUND", `there is no ${method} ${new URL(url, "http://slipway").pathname}`);

/** Fastify's own errors (a body that is no JSON, too large, of an unknown type) are the client's mistakes: they keep their status. */
export function toProblem(error: unknown): Problem {
  if (error instanceof SlipwayError) return error.toProblem();
  const status = (error as Partial<FastifyError> | undefined)?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    const invalid = apiError("SLIPWAY_API_REQUEST_INVALID", `the request was refused: ${(error as Error).message}`);
    return { ...invalid.toProblem(), status };
  }
  return toSlipwayError(error).toProblem();
}
