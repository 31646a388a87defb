import type { StepOutcome } from "#kernel/plan/step.ts";
import type { ScratchContainer } from "../../test/containers/scratch-node.ts";
import { median, rounded } from "../harness/quantiles.ts";

const SLOWEST = 5;
const total = (outcomes: readonly StepOutcome[]): number =>
  outcomes.reduce((sum, { microseconds }) => sum + (microseconds ?? 0), 0);

/** Where the time of our launches goes, by the clock that every step of a plan has. */
export class LaunchPhases {
  readonly #phases = new Map<string, number[]>();
  readonly #steps = new Map<string, number[]>();

  add({ plan, outcomes: { prepare, clone, parked, child } }: Pick<ScratchContainer, "plan" | "outcomes">): void {
    // The clock of the child's first step starts before the clone.
    const walk = child.slice(1);
    const phases = {
      "host steps before the clone": total(prepare),
      clone3: clone.microseconds ?? 0,
      "id maps": total(parked),
    };
    for (const [name, microseconds] of Object.entries(phases)) push(this.#phases, name, microseconds);
    push(this.#phases, "the child's steps", total(walk));
    for (const [index, { microseconds }] of child.entries())
      push(this.#steps, plan.child[index]?.name ?? "", microseconds ?? 0);
    for (const [index, { microseconds }] of prepare.entries())
      push(this.#steps, plan.prepare[index]?.name ?? "", microseconds ?? 0);
  }

  describe(): string {
    const milliseconds = (samples: readonly number[]): string => `${rounded(median(samples) / 1000)} ms`;
    const phases = [...this.#phases].map(([name, samples]) => `${name} ${milliseconds(samples)}`);
    const known = [...this.#steps].filter(([name]) => name !== "die with the supervisor" && !name.includes("/slipway-"));
    const slowest = known.toSorted(([, a], [, b]) => median(b) - median(a)).slice(0, SLOWEST);
    return `Where our time goes (medians): ${phases.join(", ")}; the rest is the plan made and encoded, a user namespace pinned for the layers' id map, cgroup directories, and files of the container made and removed. The slowest steps: ${slowest.map(([name, samples]) => `${name} ${milliseconds(samples)}`).join(", ")}.`;
  }
}

function push(into: Map<string, number[]>, name: string, value: number): void {
  const samples = into.get(name) ?? [];
  samples.push(value);
  into.set(name, samples);
}
