import { suggest } from "#contracts/compose/suggest.ts";

/** The flag or verb that was probably meant. A beginning counts, too: `--det` for `--detach`. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const beginnings = known.filter((candidate) => candidate.startsWith(written) && written.length > 2);
  return beginnings.length === 1 ? beginnings[0] : suggest(written, known);
}
