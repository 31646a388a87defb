import { GATEWAY_SUBJECTS, type RoutesAnswer, type RoutesQuestion } from "#contracts/subjects.ts";
import { orAborted } from "#messaging/connection/or-aborted.ts";
import type { Platform } from "#messaging/platform.ts";
import type { RouteStore } from "./route-store.ts";

/** A question is not kept longer: the asker goes on without an answer. */
const LONGEST_WAIT_MS = 2_000;

/** Resolves when no request is under way at an instance; rejects when the signal aborts before. */
export type UntilIdle = (instanceId: string, signal: AbortSignal) => Promise<void>;

/** Tells the control process when requests go by the routes that it knows of, and when those to an instance have ended. */
export function answerWhetherInForce(
  platform: Pick<Platform, "serve">,
  store: RouteStore,
  untilIdle: UntilIdle,
): AsyncDisposable {
  const answer = async ({ revision, instanceId }: RoutesQuestion): Promise<RoutesAnswer> => {
    const limit = AbortSignal.timeout(LONGEST_WAIT_MS);
    try {
      await untilReached(store, revision, limit);
      // Only now: by older routes a next request could begin there.
      if (instanceId !== undefined) await untilIdle(instanceId, limit);
      return { inForce: true };
    } catch (error) {
      if (!limit.aborted) throw error;
      return { inForce: false };
    }
  };
  return platform.serve<RoutesQuestion, RoutesAnswer>(GATEWAY_SUBJECTS.routesInForce, answer);
}

async function untilReached(store: RouteStore, revision: number, limit: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _subscription = store.subscribe(() => {
    if (store.revision >= revision) resolve();
  });
  await orAborted(promise, limit);
}
