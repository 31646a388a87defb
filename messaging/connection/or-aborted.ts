/** The promise's outcome, or the reason of the first signal that aborts before it. What the promise waits for is not ended. */
export async function orAborted<Value>(promise: Promise<Value>, ...signals: (AbortSignal | undefined)[]): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const watched = signals.filter((signal) => signal !== undefined);
  const listeners = watched.map((signal) => {
    const listener = (): void => reject(signal.reason);
    if (signal.aborted) listener();
    else signal.addEventListener("abort", listener, { once: true });
    return listener;
  });
  // Whichever loses must not become an unhandled rejection.
  promise.catch(() => undefined);
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    for (const [index, signal] of watched.entries()) signal.removeEventListener("abort", listeners[index]!);
  }
}
