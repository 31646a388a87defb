import { type Contender, OURS, type Target } from "./bench.ts";
import { rounded } from "./quantiles.ts";

export interface Verdict {
  /** What was asked, in words. */
  target: string;
  /** What came out, in words. */
  outcome: string;
  met: boolean;
}

/** What a target asks. */
export function targetInWords(target: Target): string {
  if (target.kind === "advantage") return `${inWords(target.atLeast, target.over)} (${target.metric})`;
  return "atMost" in target ? `at most ${target.atMost} ${target.metric}` : `at least ${target.atLeast} ${target.metric}`;
}

/** A target's verdict; undefined when its peer, or we, were not measured. */
export function judge(target: Target, contenders: readonly Contender[]): Verdict | undefined {
  const ours = contenders.find(({ name }) => name === OURS)?.metrics[target.metric];
  if (ours === undefined) return undefined;
  if (target.kind === "limit") return judgeLimit(target, ours);
  const theirs = contenders.find(({ name }) => name === target.over)?.metrics[target.metric];
  if (theirs === undefined) return undefined;
  const advantage = target.more === undefined ? theirs / ours : ours / theirs;
  return {
    target: targetInWords(target),
    outcome: `${inWords(advantage, target.over)}${missedBy(advantage, target.atLeast)}`,
    met: advantage >= target.atLeast,
  };
}

function judgeLimit(target: Extract<Target, { kind: "limit" }>, ours: number): Verdict {
  if ("atMost" in target) {
    const { atMost } = target;
    return {
      target: targetInWords(target),
      outcome: `${rounded(ours)}${missedBy(atMost, ours)}`,
      met: ours <= atMost,
    };
  }
  const { atLeast } = target;
  return {
    target: targetInWords(target),
    outcome: `${rounded(ours)}${missedBy(ours, atLeast)}`,
    met: ours >= atLeast,
  };
}

function inWords(advantage: number, peer: string): string {
  if (advantage === 1) return `not slower than ${peer}`;
  if (advantage < 1) return `${rounded(1 / advantage)} times what ${peer} takes`;
  return `${rounded(advantage)} times better than ${peer}`;
}

const missedBy = (reached: number, wanted: number): string =>
  reached >= wanted ? "" : ` (missed by a factor of ${rounded(wanted / reached)})`;
