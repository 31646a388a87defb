/** So far the two clocks may part (milliseconds) before the wall clock is taken up anew: a step of NTP, or a slow drift. */
const TOLERANCE_MS = 2;

let offset = Date.now() - performance.now();

/**
 * Milliseconds since the epoch with the fraction that Date.now() lacks: spans of one machine's processes line up, and one of 40
 * microseconds is not zero. Follows the wall clock when that is set.
 */
export function nowMs(): number {
  const wall = Date.now();
  const precise = performance.now() + offset;
  if (Math.abs(wall - precise) <= TOLERANCE_MS) return precise;
  offset = wall - performance.now();
  return wall;
}
