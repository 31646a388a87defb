import fc from "fast-check";

/** Set by `npm run fuzz`: how many times the usual number of runs, from a seed that nobody has tried. */
const TIMES = Number(process.env["SLIPWAY_FUZZ_TIMES"] ?? 0);

/** `npm test` tries the same values on every machine, so that no commit fails for what it did not change. */
export const SEED = TIMES > 0 ? Date.now() % 2 ** 31 : 20_261_125;

/** How often to try what is tried `few` times in `npm test`. */
export const runs = (few: number): number => few * Math.max(TIMES, 1);

/** For one property. */
export const LIMIT_MS = runs(120_000);

interface Bounds<Values> {
  numRuns: number;
  /** Tried first: what once failed, or needed thought. */
  examples?: Values[];
}

/** Looks for values for which the property does not hold, and throws them with their seed and path. */
export async function check<Values>(property: fc.IAsyncProperty<Values>, bounds: Bounds<Values>): Promise<void> {
  await fc.assert(property, { ...bounds, numRuns: runs(bounds.numRuns), seed: SEED });
}
