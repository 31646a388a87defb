import { SlipwayError } from "#contracts/slipway-error.ts";
import type { Surroundings } from "./features.ts";
import type { PlatformCalls } from "./platform-calls.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What one life of a scenario is given. */
export interface LifeContext {
  calls: PlatformCalls;
  random: SeededRandom;
  surroundings: Surroundings;
  /** A name that no other life has. */
  name: string;
  tally: Tally;
}

/** How often what was drawn, and with which codes what was asked was refused. */
export class Tally {
  readonly counts = new Map<string, number>();

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Does what may be refused while processes die; only what is no answer of ours is thrown. */
  async attempt(what: string, action: () => Promise<unknown>): Promise<void> {
    this.add(what);
    try {
      await action();
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code === "SLIPWAY_INTERNAL") throw error;
      this.add(`${what}: ${error.code}`);
    }
  }
}
