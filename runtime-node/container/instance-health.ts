import type { Assignment, HealthState } from "#contracts/instance.ts";
import type { Healthcheck } from "#contracts/service-spec.ts";
import { execInContainer } from "./exec-process.ts";
import { type HealthChange, monitorHealth } from "./health-monitor.ts";
import type { NodeServices } from "./node-services.ts";
import { execCandidates } from "./process-spec.ts";
import type { RunningContainer } from "./running-container.ts";

/**
 * Watches a container's health as its service, or else its image, says, from what is `known` of it. Returns what ends the watch.
 */
export function superviseHealth(
  node: NodeServices,
  { spec }: Assignment,
  container: RunningContainer,
  { imageCheck, known }: { imageCheck: Healthcheck | undefined; known: HealthState },
  onHealth: (health: HealthState) => void,
): () => void {
  const check = spec.healthcheckDisabled ? undefined : (spec.healthcheck ?? imageCheck);
  if (check === undefined) {
    onHealth("none");
    return () => {};
  }
  const closing = new AbortController();
  const probe = (command: readonly string[], signal: AbortSignal): Promise<number> =>
    runProbe(node, container, command, signal);
  const onChange = ({ health }: HealthChange): void => onHealth(health);
  monitorHealth({ check, probe, known }, onChange, closing.signal).catch((error: unknown) => {
    if (!closing.signal.aborted) console.error(error);
  });
  return () => closing.abort();
}

async function runProbe(
  node: NodeServices,
  container: RunningContainer,
  command: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const path = container.process.env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length);
  const process = { ...container.process, argv: [...command], candidates: execCandidates(command[0] ?? "", path) };
  await using probe = await execInContainer(node, container, { process, interactive: false, signal });
  probe.stdout.resume();
  probe.stderr.resume();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const { status } = await Promise.race([probe.exit, aborted.promise]);
    return status.code ?? 1;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
