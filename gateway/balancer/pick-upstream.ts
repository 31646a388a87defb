import type { Upstream } from "./upstream.ts";

/** A target as one route names it: two routes of one target may say different things for a moment. */
export interface Candidate {
  readonly upstream: Upstream;
  readonly ready: boolean;
}

/**
 * The ready and usable candidate with the fewest requests under way; among equals the next after `cursor`, so that idle ones take turns.
 * Returns its index, or -1 when there is none.
 */
export function pickUpstream(
  candidates: readonly Candidate[],
  cursor: number,
  usable: (upstream: Upstream) => boolean,
): number {
  let best = -1;
  let fewest = Number.POSITIVE_INFINITY;
  for (let offset = 0; offset < candidates.length; offset += 1) {
    const index = (cursor + offset) % candidates.length;
    const candidate = candidates[index];
    if (candidate?.ready !== true || candidate.upstream.outstanding >= fewest || !usable(candidate.upstream)) continue;
    best = index;
    fewest = candidate.upstream.outstanding;
  }
  return best;
}
