import { setTimeout as delay } from "node:timers/promises";

const WAIT_MS = 20_000;
/** A look may be cheap, and what it waits for may need the processor, or this process itself. */
const POLL_MS = 10;

/**
 * Looks again and again until it sees what it waits for, and returns that; throws with the last sight after 20 seconds.
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
    await delay(POLL_MS);
  }
}
