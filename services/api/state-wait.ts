import type { ClusterState } from "#services/state/cluster-state.ts";

/** Waits until `holds`, asked after every change; false when the time is over or the signal aborts before. */
export async function waitForState(
  state: ClusterState,
  holds: () => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (holds()) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const giveUp = (): void => resolve(false);
  const stopListening = state.onChange(() => {
    if (holds()) resolve(true);
  });
  const timer = setTimeout(giveUp, timeoutMs);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await promise;
  } finally {
    stopListening();
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}
