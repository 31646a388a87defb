import { hasCode } from "#contracts/slipway-error.ts";
import { steadyNow } from "#contracts/steady-time.ts";
import type { Log } from "#services/state/log.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import type { ProjectPlan } from "./action.ts";
import { decide } from "./decide.ts";
import type { Executor } from "./executor.ts";
import { type AskGateway, GatewayDrains } from "./gateway-drains.ts";
import { RetrySchedule } from "./retry-schedule.ts";
import type { WaitTeller } from "./wait-teller.ts";
import { Wakeup } from "./wakeup.ts";

export interface ControlLoopOptions {
  state: ClusterState;
  executor: Executor;
  waits: WaitTeller;
  /** Asks the gateway whether it is done with an instance, for as long as a notice. */
  askGateway: AskGateway;
  node: string;
  log: Log;
}

/**
 * Decides after every change and carries it out, one plan of a project at a time; projects do not wait for each other. What fails
 * is decided again a little later; a conflict means that somebody else was faster, so the world is read and decided anew.
 */
export class ControlLoop implements AsyncDisposable {
  readonly #options: ControlLoopOptions;
  readonly #closing = new AbortController();
  readonly #wakeup = new Wakeup();
  readonly #drains: GatewayDrains;
  readonly #retries = new RetrySchedule();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopListening: () => void;
  readonly #loop: Promise<void>;

  constructor(options: ControlLoopOptions) {
    this.#options = options;
    this.#drains = new GatewayDrains(options.askGateway, () => this.#wakeup.ring());
    this.#stopListening = options.state.onChange(() => this.#wakeup.ring());
    this.#wakeup.ring();
    this.#loop = this.#run(this.#closing.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    this.#closing.abort();
    await this.#loop;
    await Promise.all(this.#running.values());
    await this.#drains.idle();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { state, node } = this.#options;
    let waitMs: number | undefined;
    while (!signal.aborted) {
      await this.#wakeup.wait(waitMs, signal);
      if (signal.aborted) return;
      const now = Date.now();
      const steady = steadyNow();
      const decision = decide({ snapshot: state.snapshot(), drained: this.#drains.drained, node, now });
      this.#drains.take(decision.draining, state.routes.revision, signal);
      this.#options.waits.take(decision.waits);
      for (const plan of decision.plans) {
        if (!this.#running.has(plan.id) && this.#retries.isDue(plan.id, steady)) this.#start(plan, signal);
      }
      waitMs = shortest(until(decision.wakeAt, now), until(this.#retries.nextAt(steady), steady));
    }
  }

  #start(plan: ProjectPlan, signal: AbortSignal): void {
    const task = this.#carryOut(plan, signal).finally(() => {
      this.#running.delete(plan.id);
      this.#wakeup.ring();
    });
    this.#running.set(plan.id, task);
  }

  async #carryOut(plan: ProjectPlan, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.executor.run(plan, signal);
      this.#retries.succeeded(plan.id);
    } catch (error) {
      if (signal.aborted) return;
      this.#retries.failed(plan.id, steadyNow());
      if (hasCode(error, "SLIPWAY_MESSAGING_CONFLICT")) await this.#options.state.resync().catch(() => undefined);
      else if (this.#retries.isFirst(plan.id)) this.#options.log(`a step for project ${plan.project} failed`, error);
    }
  }
}

const until = (time: number | undefined, now: number): number | undefined => (time === undefined ? undefined : time - now);

function shortest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
