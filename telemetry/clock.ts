/** So far the two clocks may part (milliseconds) before the wall clock is taken up anew: a step of NTP, or a slow drift. */
const TOLERANCE_MS = 2;

let offset = Date.now() - performance.now();

/**
 * Milliseconds since the epoch with the fraction that Date.now() lacks: spans of one machine's processes line up, and one of 40
 * microseconds is not zero. Follows the wall clock when that is set.
 */
export function nowMs(): number {
  return atSteady(performance.now());
}

/** A moment of performance.now() in milliseconds since the epoch, by the wall clock as it is now. */
export function atSteady(moment: number): number {
  const lag = Date.now() - (performance.now() + offset);
  if (Math.abs(lag) > TOLERANCE_MS) offset += lag;
  return moment + offset;
}
