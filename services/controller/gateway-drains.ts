import { DRAIN_NOTICE_MS } from "#contracts/route.ts";
import { GATEWAY_SUBJECTS, type RoutesAnswer, type RoutesQuestion } from "#contracts/subjects.ts";
import type { Platform } from "#messaging/platform.ts";

/** False: not in time. Rejects when no gateway answers. */
export type AskGateway = (question: Required<RoutesQuestion>, signal: AbortSignal) => Promise<boolean>;

export async function askWhetherInForce(
  platform: Pick<Platform, "request">,
  question: RoutesQuestion,
  signal: AbortSignal,
): Promise<boolean> {
  const options = { timeoutMs: DRAIN_NOTICE_MS, signal };
  const answer = await platform.request<RoutesQuestion, RoutesAnswer>(GATEWAY_SUBJECTS.routesInForce, question, options);
  return answer.inForce;
}

/**
 * Knows with which of the draining instances the gateway is done: it serves by routes that send nothing there, and what it had sent
 * there has ended. Asks once for each; a gateway that does not say so is given the notice instead.
 */
export class GatewayDrains {
  readonly #ask: AskGateway;
  readonly #onDrained: () => void;
  /** What each was asked as: an answer that comes when its instance has gone is of no use to a later one of that id. */
  readonly #asked = new Map<string, symbol>();
  readonly #drained = new Set<string>();
  readonly #asking = new Set<Promise<void>>();

  /** `onDrained` is called after each change of {@link drained}. */
  constructor(ask: AskGateway, onDrained: () => void) {
    this.#ask = ask;
    this.#onDrained = onDrained;
  }

  get drained(): ReadonlySet<string> {
    return this.#drained;
  }

  /** Takes all that drain now. `revision`: the routes' newest, by which none of them is sent to. */
  take(draining: readonly string[], revision: number, signal: AbortSignal): void {
    // An id may come again: ids are derived from what an instance is.
    for (const instanceId of this.#asked.keys()) if (!draining.includes(instanceId)) this.#forget(instanceId);
    for (const instanceId of draining) {
      if (this.#asked.has(instanceId)) continue;
      const task = this.#inquire(instanceId, revision, signal);
      this.#asking.add(task);
      void task.finally(() => this.#asking.delete(task));
    }
  }

  /** Resolves when nothing is asked any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#asking);
  }

  async #inquire(instanceId: string, revision: number, signal: AbortSignal): Promise<void> {
    const own = Symbol(instanceId);
    this.#asked.set(instanceId, own);
    const isDone = await this.#ask({ revision, instanceId }, signal).catch(() => false);
    if (!isDone || this.#asked.get(instanceId) !== own) return;
    this.#drained.add(instanceId);
    this.#onDrained();
  }

  #forget(instanceId: string): void {
    this.#asked.delete(instanceId);
    this.#drained.delete(instanceId);
  }
}
