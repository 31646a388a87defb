import { GATEWAY_SUBJECTS, type RoutesAnswer, type RoutesQuestion } from "#contracts/subjects.ts";
import type { Platform } from "#messaging/platform.ts";
import type { RouteStore } from "./route-store.ts";

/** A question is not kept longer: the asker goes on without an answer. */
const LONGEST_WAIT_MS = 2_000;

/** Tells the API when requests go by the routes that it knows of. */
export function answerWhetherInForce(platform: Pick<Platform, "serve">, store: RouteStore): AsyncDisposable {
  return platform.serve<RoutesQuestion, RoutesAnswer>(GATEWAY_SUBJECTS.routesInForce, async ({ revision }) => ({
    inForce: await isReached(store, revision, AbortSignal.timeout(LONGEST_WAIT_MS)),
  }));
}

async function isReached(store: RouteStore, revision: number, limit: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  limit.addEventListener("abort", () => resolve(false), { once: true });
  using _subscription = store.subscribe(() => {
    if (store.revision >= revision) resolve(true);
  });
  return await promise;
}
