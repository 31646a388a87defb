import { expect, test } from "vitest";
import type { NewEvent, Platform } from "#messaging/platform.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import type { Action } from "./action.ts";
import { Executor } from "./executor.ts";

const { signal } = new AbortController();
const removal = (project: string): Action => ({
  type: "delete-project",
  key: project,
  event: { type: "project.removed", source: "/control/controller", subject: project, project },
});
const plan = { id: "p", project: "p", traceparent: undefined, actions: ["a", "b"].map(removal) };

/** An executor whose steps are noted, and whose events are stored when the test says so. */
function start(): { done: string[]; stored: PromiseWithResolvers<number>; run: Promise<void> } {
  const done: string[] = [];
  const stored = Promise.withResolvers<number>();
  const append = async ({ subject }: NewEvent): Promise<number> => {
    done.push(`tell ${subject}`);
    return stored.promise;
  };
  const state = { desired: { delete: async (key: string) => void done.push(`delete ${key}`) } };
  const executor = new Executor({
    state: state as unknown as ClusterState,
    platform: { events: { append } } as unknown as Platform,
    node: "n1",
    removeAccount: async () => undefined,
  });
  return { done, stored, run: executor.run(plan, signal) };
}

test("a step does not wait until the one before it is told; the plan is done when all are", async () => {
  const { done, stored, run } = start();
  let isDone = false;
  const ended = run.then(() => (isDone = true));
  await new Promise(setImmediate);
  expect(done).toEqual(["delete a", "tell a", "delete b", "tell b"]);
  expect(isDone).toBe(false);
  stored.resolve(1);
  await ended;
});

test("a plan whose events are not stored has failed", async () => {
  const { stored, run } = start();
  stored.reject(new Error("full"));
  await expect(run).rejects.toThrow("full");
});
