const WAIT_MS = 20_000;

/**
 * Looks again and again until it sees what it waits for, and returns that; throws with the last sight after 20 seconds. For looks
 * that take their own time (a run of the CLI): it does not sleep.
 */
export async function until<Seen>(
  look: () => Promise<Seen>,
  isRight: (seen: Seen) => boolean,
  timeoutMs = WAIT_MS,
): Promise<Seen> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isRight(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`it did not come to pass; last seen: ${JSON.stringify(seen)}`);
  }
}
