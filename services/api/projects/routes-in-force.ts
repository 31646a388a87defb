import { GATEWAY_SUBJECTS, type RoutesAnswer, type RoutesQuestion } from "#contracts/subjects.ts";
import type { ApiContext } from "../api-context.ts";

const PATIENCE_MS = 3_000;

/** Knows which routes the gateway serves by: who was told that a project is ready may ask for it at once. */
export class RoutesInForce {
  readonly #context: Pick<ApiContext, "state" | "platform" | "closing">;
  /** The newest revision that the gateway has said to serve by. */
  #newest = 0;

  constructor(context: Pick<ApiContext, "state" | "platform" | "closing">) {
    this.#context = context;
  }

  /** Waits for a project's routes. A gateway that is away is not waited for: it begins with all routes when it is back. */
  async wait(project: string): Promise<void> {
    const { state, platform, closing } = this.#context;
    const own = state.routes.entries().filter(({ value }) => value.project === project);
    const revision = Math.max(0, ...own.map((entry) => entry.revision));
    if (revision <= this.#newest) return;
    try {
      const answer = await platform.request<RoutesQuestion, RoutesAnswer>(
        GATEWAY_SUBJECTS.routesInForce,
        { revision },
        { timeoutMs: PATIENCE_MS, signal: closing },
      );
      if (answer.inForce) this.#newest = Math.max(this.#newest, revision);
    } catch {
      // Away or too slow: the supervisor has its eyes on it, and the project is as ready as can be.
    }
  }
}
