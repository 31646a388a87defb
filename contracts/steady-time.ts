/**
 * Milliseconds since the epoch as this process found them when it began, and what has passed since (clock_gettime(2), CLOCK_MONOTONIC): for
 * waits, which must not become longer or shorter when somebody sets the clock. Another process's may differ by as much as the clock was set.
 */
export const steadyNow = (): number => performance.timeOrigin + performance.now();
