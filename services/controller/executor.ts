import type { NodeAnswer, NodeRequest } from "#contracts/node-operations.ts";
import { nodeSubject } from "#contracts/subjects.ts";
import type { NewEvent, Platform } from "#messaging/platform.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import { activeTraceparent, contextOf, inSpan } from "#services/state/trace-context.ts";
import type { Action, ProjectPlan } from "./action.ts";

/** Removing a volume may mean deleting many files. */
const VOLUME_REMOVAL_TIMEOUT_MS = 60_000;

export interface ExecutorOptions {
  state: ClusterState;
  platform: Platform;
  node: string;
  removeAccount: (project: string) => Promise<void>;
}

/** Carries out what was decided. */
export class Executor {
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /**
   * The plan's actions in order, each in a span of the request it follows from; the first that fails ends it. What was done is told in the
   * same order, and no action waits until the one before it is told.
   */
  async run(plan: ProjectPlan, signal: AbortSignal): Promise<void> {
    const told: Promise<number>[] = [];
    try {
      for (const action of plan.actions) {
        signal.throwIfAborted();
        const attributes = { "slipway.project": plan.project };
        await inSpan(`controller ${action.type}`, attributes, contextOf(plan.traceparent), async () => {
          await this.#act(action, signal);
          if ("event" in action && action.event !== undefined) told.push(this.#tell(action.event));
        });
      }
    } finally {
      await Promise.allSettled(told);
    }
    await Promise.all(told);
  }

  #tell(event: NewEvent): Promise<number> {
    const telling = this.#options.platform.events.append(event);
    // It is looked at when the last action is done.
    telling.catch(() => undefined);
    return telling;
  }

  async #act(action: Action, signal: AbortSignal): Promise<void> {
    const { state, removeAccount } = this.#options;
    switch (action.type) {
      case "create-assignment": {
        const traceparent = activeTraceparent();
        const assignment = traceparent === undefined ? action.assignment : { ...action.assignment, traceparent };
        await state.assignments.update(action.key, assignment, 0);
        return;
      }
      case "change-assignment":
        await state.assignments.update(action.key, action.assignment, action.kvRevision);
        return;
      case "delete-assignment":
        return state.assignments.delete(action.key);
      case "write-route":
        await state.routes.update(action.key, action.entry, action.kvRevision);
        return;
      case "delete-route":
        return state.routes.delete(action.key);
      case "remove-volume":
        return this.#removeVolume(action.name, signal);
      case "remove-account":
        return removeAccount(action.project);
      case "delete-project":
        return state.desired.delete(action.key);
    }
  }

  async #removeVolume(name: string, signal: AbortSignal): Promise<void> {
    const { platform, node } = this.#options;
    await platform.request<NodeRequest<"volume-remove">, NodeAnswer<"volume-remove">>(
      nodeSubject(node, "volume-remove"),
      { name },
      { timeoutMs: VOLUME_REMOVAL_TIMEOUT_MS, signal },
    );
  }
}
