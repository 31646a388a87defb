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
    // The child's first step is its wait: its clock starts before the clone and ends with the release.
    const walk = child.slice(1);
    const phases = {
      "clone3 with the host steps beside it": clone.microseconds ?? 0,
      "of these the steps": total(prepare),
      "id maps and mounts before the release": total(parked),
    };
    for (const [name, microseconds] of Object.entries(phases)) push(this.#phases, name, microseconds);
    push(this.#phases, "the child's steps", total(walk));
    for (const [index, { microseconds }] of walk.entries())
      push(this.#steps, plan.child[index + 1]?.name ?? "", microseconds ?? 0);
    for (const [index, { microseconds }] of [...prepare, ...parked].entries())
      push(this.#steps, [...plan.prepare, ...plan.parked][index]?.name ?? "", microseconds ?? 0);
  }

  describe(): string {
    const milliseconds = (samples: readonly number[]): string => `${rounded(median(samples) / 1000)} ms`;
    const phases = [...this.#phases].map(([name, samples]) => `${name} ${milliseconds(samples)}`);
    const known = [...this.#steps].filter(([name]) => !name.includes("/slipway-"));
    const slowest = known.toSorted(([, a], [, b]) => median(b) - median(a)).slice(0, SLOWEST);
    return `Where our time goes (medians): ${phases.join(", ")}; the rest is the plan made and encoded, cgroup directories and files of the container made and removed, the table of children, and the container's end. The slowest steps: ${slowest.map(([name, samples]) => `${name} ${milliseconds(samples)}`).join(", ")}.`;
  }
}

function push(into: Map<string, number[]>, name: string, value: number): void {
  const samples = into.get(name) ?? [];
  samples.push(value);
  into.set(name, samples);
}
