import { hasCode } from "#contracts/slipway-error.ts";
import type { Lease, Upstream } from "../balancer/upstream.ts";
import type { GatewayContext } from "../context.ts";
import { gatewayError } from "../errors.ts";
import type { Route } from "../routes/route-table.ts";
import { type ClientResponse, type Exchange, hasBody } from "./client-exchange.ts";
import { relayAnswer } from "./relay-answer.ts";
import type { UpstreamAttempt } from "./upstream-attempt.ts";

/** Sends a request to a ready target of its route and relays the answer; a safe one goes to another target when the first fails. */
export async function forwardRequest(context: GatewayContext, route: Route, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const tried = new Set<Upstream>();
  const mayRetry = isSafe(request.method) && !hasBody(request);
  for (let attempts = 1, failure: Error | undefined; ; attempts += 1) {
    using lease = acquire(context, route, tried, failure);
    tellToContinue(exchange);
    const attempt = context.lane.ask(request, response, lease);
    try {
      const answer = await attempt.answer;
      exchange.answeredBy = lease.upstream.instanceId;
      exchange.closeConnection ||= context.ending.aborted;
      return await relayAnswer(answer, exchange, context.settings.bodyIdleTimeoutMs);
    } catch (error) {
      if (hasCode(error, "SLIPWAY_GATEWAY_TARGET_UNREACHABLE")) context.balancer.avoid(lease.upstream);
      if (!mayRetry || attempts >= context.settings.maxAttempts || !isRetryable(error, response)) throw error;
      noteTried(tried, lease.upstream, attempt);
      failure = error as Error;
    }
  }
}

function tellToContinue(exchange: Exchange): void {
  if (exchange.awaitsContinue) exchange.response.writeContinue();
  exchange.awaitsContinue = false;
}

/** Methods that may be repeated without asking (RFC 9110, 9.2.1 and 9.2.2). */
function isSafe(method: string | undefined): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

function isRetryable(error: unknown, response: ClientResponse): boolean {
  if (response.headersSent) return false;
  return hasCode(error, "SLIPWAY_GATEWAY_TARGET_UNREACHABLE", "SLIPWAY_GATEWAY_TARGET_BROKE");
}

/** A kept connection that ended under the request says nothing about its target: it may be tried again. */
function noteTried(tried: Set<Upstream>, upstream: Upstream, attempt: UpstreamAttempt): void {
  if (!attempt.onReusedConnection) tried.add(upstream);
}

/** A lease on a ready target; throws the earlier failure when every target has been tried, else why there is none. */
export function acquire(context: GatewayContext, route: Route, tried: ReadonlySet<Upstream>, failure?: Error): Lease {
  const acquired = context.balancer.acquire(route, tried);
  if (acquired.type === "lease") return acquired.lease;
  if (failure !== undefined) throw failure;
  if (acquired.type === "full") {
    throw gatewayError("SLIPWAY_GATEWAY_OVERLOADED", "every instance of the service has as many requests as it may");
  }
  throw gatewayError("SLIPWAY_GATEWAY_NO_INSTANCE", `the route exists, but ${describeTargets(route)}`);
}

function describeTargets(route: Route): string {
  if (route.targets.length === 0) return "no instance of its service is running";
  const count = (state: string): number => route.targets.filter((target) => target.state === state).length;
  return `none of its service's instances is ready (${count("unhealthy")} unhealthy, ${count("draining")} draining)`;
}
