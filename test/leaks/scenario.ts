import type { PlatformProcessName, TestPlatform } from "#test/e2e/platform.ts";
import type { Surroundings } from "./features.ts";
import { Killer } from "./killer.ts";
import { Tally } from "./life.ts";
import { oneOffLife } from "./one-off-life.ts";
import { PlatformCalls } from "./platform-calls.ts";
import { projectLife } from "./project-life.ts";
import { SeededRandom } from "./seeded-random.ts";
import { followStarts } from "./start-feed.ts";

/** Containers that live at the same time come from so many projects; two processors are busy with that. */
const LANES = 5;
const ONE_OFF_CHANCE = 0.4;

/** How many starts lie between two kills, on average; never when absent. */
export type KillRates = Partial<Record<PlatformProcessName | "launch", number>>;

export interface ScenarioOptions {
  platform: TestPlatform;
  surroundings: Surroundings;
  seed: number;
  /** Ends when so many containers were started, or were refused to. */
  starts: number;
  /** Asked at each start, so that a long run may be calmer in parts. */
  kills: (starts: number) => KillRates;
  /** Between two lives nothing of which is left; the other lanes wait. */
  onQuiet?: { every: number; look: (starts: number) => Promise<void> };
  signal: AbortSignal;
}

/** Starts and stops until the number is reached; what was drawn and what was killed, counted. */
export async function runScenario(options: ScenarioOptions): Promise<{ starts: number; tally: Tally }> {
  return new Scenario(options).run();
}

class Scenario {
  readonly #options: ScenarioOptions;
  readonly #tally = new Tally();
  readonly #killer: Killer;
  readonly #killing = new Set<Promise<void>>();
  readonly #dice: SeededRandom;
  #starts = 0;
  #lives = 0;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#killer = new Killer(options.platform);
    this.#dice = SeededRandom.of(options.seed, -1);
  }

  async run(): Promise<{ starts: number; tally: Tally }> {
    const { onQuiet, starts, platform } = this.#options;
    const stop = new AbortController();
    using calls = new PlatformCalls(platform.home, AbortSignal.any([this.#options.signal, stop.signal]));
    const feed = followStarts(calls, () => this.#onStart());
    try {
      const stretch = onQuiet?.every ?? starts;
      for (let goal = Math.min(stretch, starts); ; goal = Math.min(goal + stretch, starts)) {
        await this.#runTo(goal);
        await onQuiet?.look(this.#starts);
        if (goal >= starts) break;
      }
    } finally {
      stop.abort();
      await feed;
    }
    return { starts: this.#starts, tally: this.#tally };
  }

  /** All lanes, until there were so many starts and everything is taken down again. */
  async #runTo(goal: number): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    const lanes = Array.from({ length: LANES }, () => this.#lane(goal, signal));
    try {
      await Promise.all(lanes);
    } finally {
      // One that fails ends the others: what they would find is not worth the wait.
      stop.abort();
      await Promise.allSettled([...lanes, ...this.#killing]);
    }
  }

  async #lane(goal: number, signal: AbortSignal): Promise<void> {
    const { platform, seed, surroundings } = this.#options;
    using calls = new PlatformCalls(platform.home, signal);
    while (this.#starts < goal) {
      const life = this.#lives++;
      const random = SeededRandom.of(seed, life);
      const context = { calls, random, surroundings, tally: this.#tally, name: `leak${life}` };
      try {
        await (random.chance(ONE_OFF_CHANCE) ? oneOffLife(context) : projectLife(context));
      } catch (cause) {
        throw new Error(`life ${life} of seed ${seed} failed: ${String(cause)}`, { cause });
      }
    }
  }

  #onStart(): void {
    this.#starts++;
    for (const [victim, between] of Object.entries(this.#options.kills(this.#starts)) as [keyof KillRates, number][]) {
      if (!this.#dice.chance(1 / between)) continue;
      const killing = this.#kill(victim).finally(() => this.#killing.delete(killing));
      this.#killing.add(killing);
    }
  }

  async #kill(victim: keyof KillRates): Promise<void> {
    if (victim === "launch") this.#tally.add(`killed a launch: ${await this.#killer.killLaunch()}`);
    else if (await this.#killer.kill(victim)) this.#tally.add(`killed ${victim}`);
  }
}
