import type { Upstream } from "./upstream.ts";

/**
 * The candidate with the fewest requests under way; among equals the next after `cursor`, so that idle ones take turns.
 * Returns its index, or -1 when there is none.
 */
export function pickUpstream(
  candidates: readonly Upstream[],
  cursor: number,
  usable: (upstream: Upstream) => boolean,
): number {
  let best = -1;
  let fewest = Number.POSITIVE_INFINITY;
  for (let offset = 0; offset < candidates.length; offset += 1) {
    const index = (cursor + offset) % candidates.length;
    const candidate = candidates[index];
    if (candidate === undefined || candidate.outstanding >= fewest || !usable(candidate)) continue;
    best = index;
    fewest = candidate.outstanding;
  }
  return best;
}
