import { setTimeout as delay } from "node:timers/promises";
import type { HealthState } from "#contracts/instance.ts";
import type { Healthcheck } from "#contracts/service-spec.ts";
import { hasCode } from "#contracts/slipway-error.ts";

/** One probe: resolves to the command's exit code; aborted when it takes too long. */
export type Probe = (command: readonly string[], signal: AbortSignal) => Promise<number>;

export interface HealthChange {
  health: HealthState;
  /** Failed probes in a row. */
  failures: number;
}

interface MonitorOptions {
  check: Healthcheck;
  probe: Probe;
  /** What an earlier monitor of the same process found; `starting` when absent. */
  known?: HealthState;
}

/**
 * Probes a container as docker does: every `interval` (in the start period every `start_interval`), a probe that takes longer
 * than `timeout` has failed, `retries` failures in a row make it unhealthy, one success healthy. Failures in the start period
 * do not count until the first success. A probe that could not be made because no supervisor is there counts as none.
 */
export async function monitorHealth(
  { check, probe, known = "starting" }: MonitorOptions,
  onChange: (change: HealthChange) => void,
  signal: AbortSignal,
): Promise<void> {
  const command = probeCommand(check.test);
  const startedAt = performance.now();
  let health = known;
  let failures = 0;
  onChange({ health, failures });
  while (!signal.aborted) {
    const starting = health === "starting" && performance.now() - startedAt < check.startPeriodMs;
    await delay(starting ? Math.min(check.startIntervalMs, check.intervalMs) : firstSoon(health, check), undefined, {
      signal,
    });
    const passed = await passes(probe, command, check.timeoutMs, signal);
    if (signal.aborted) return;
    if (passed === undefined) continue;
    const stillStarting = health === "starting" && performance.now() - startedAt < check.startPeriodMs;
    failures = passed ? 0 : failures + (stillStarting ? 0 : 1);
    const next: HealthState = passed ? "healthy" : failures >= check.retries ? "unhealthy" : health;
    if (next === health) continue;
    health = next;
    onChange({ health, failures });
  }
}

/** Until a container has been healthy once it is asked at least every second: nobody gains from a 30 s wait for what is up. */
function firstSoon(health: HealthState, { intervalMs }: Healthcheck): number {
  return health === "starting" ? Math.min(intervalMs, 1_000) : intervalMs;
}

/** Undefined when nobody could ask: a container is not ill because the platform is. */
async function passes(
  probe: Probe,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return (await probe(command, limit)) === 0;
  } catch (error) {
    if (hasCode(error, "SLIPWAY_LAUNCH_SUPERVISOR_AWAY")) return undefined;
    // Not found, not executable, too slow, or the container is gone: all of them are a failed probe.
    return false;
  }
}

/** `CMD` is an argv, `CMD-SHELL` a line for the container's shell. */
export function probeCommand([kind, ...rest]: readonly string[]): readonly string[] {
  return kind === "CMD-SHELL" ? ["/bin/sh", "-c", rest.join(" ")] : rest;
}
