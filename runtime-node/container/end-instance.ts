import { steadyNow } from "#contracts/steady-time.ts";
import type { ChildExit } from "../launch/children.ts";
import { DEFAULT_PIDS } from "../cgroup/limits.ts";
import { containerError } from "./errors.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import { endRun } from "./lifecycle.ts";
import { signalNumber } from "./signals.ts";
import type { StartedContainer } from "./start-container.ts";

const SIGKILL = 9;
/** What a caller is told of an exit whose code nobody can know. */
const UNKNOWN_EXIT_CODE = 255;
/** The process is gone, and with its pid namespace every other writer: the pipes end at once. */
const LOGS_END_WAIT_MS = 5_000;

/** How one run ended. */
export interface RunEnd {
  exit: ChildExit;
  /** It was we who stopped it. */
  held: boolean;
  oomKilled: boolean;
}

/**
 * Sends the stop signal and, after the grace period, SIGKILL. Resolves to the exit; to undefined when the signal aborts first: the next
 * agent stops it anew.
 */
export async function stopContainer(
  ledger: InstanceLedger,
  { container }: StartedContainer,
  signal: AbortSignal,
): Promise<ChildExit | undefined> {
  const { node, record, assignment } = ledger;
  const { instanceId, spec } = assignment;
  ledger.do("stopping");
  const name = spec.stopSignal ?? record.imageDefaults.stopSignal ?? "SIGTERM";
  ledger.event("instance.stopping", { stopSignal: name, graceMs: spec.stopGracePeriodMs });
  await node.children.signal(instanceId, signalNumber(name));
  // What is frozen can neither end by itself nor, on cgroup v1, be killed.
  if (container.cgroup.isFrozen) container.cgroup.thaw();
  const kill = (): void => void node.children.signal(instanceId, SIGKILL).catch(() => {});
  const timer = setTimeout(kill, spec.stopGracePeriodMs);
  const left = Promise.withResolvers<undefined>();
  const leave = (): void => left.resolve(undefined);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return signal.aborted ? undefined : await Promise.race([container.exit, left.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}

/** Gives back what a container that has ended took, once its last line is written. Resolves to whether it was out of memory. */
export async function releaseContainer(
  ledger: InstanceLedger,
  { container, resources }: StartedContainer,
): Promise<boolean> {
  const oomKilled = container.cgroup.oomKills() > 0;
  const refused = container.cgroup.refusedPids();
  const { pids: limit = DEFAULT_PIDS } = ledger.assignment.spec.limits;
  if (refused > 0) ledger.event("instance.pids-limit-reached", { limit, refused });
  container.logs.finish();
  await Promise.race([container.logs.ended, new Promise((resolve) => setTimeout(resolve, LOGS_END_WAIT_MS).unref())]);
  await resources.disposeAsync();
  return oomKilled;
}

/** The end of a run goes on record, once: then it is told, and the supervisor need not keep it. */
export async function recordEnd(ledger: InstanceLedger, end: RunEnd): Promise<void> {
  const { node, record, assignment, attachments } = ledger;
  const run = record.lifecycle;
  if (run.type !== "running") return;
  const now = steadyNow();
  const next = endRun(run, assignment.spec.restart, { ...end, now });
  record.lifecycle = next;
  await saveEnd(ledger).catch((error: unknown) => {
    // It did end, whatever the disk takes; on record it goes when this is tried again.
    ledger.rest();
    record.lifecycle = run;
    throw error;
  });
  await node.children.forget(assignment.instanceId);
  ledger.rest();
  const { exitCode, oomKilled } = next;
  const { restart, limits } = assignment.spec;
  if (oomKilled) ledger.event("instance.oom-killed", { exitCode, memoryBytes: limits.memoryBytes ?? null });
  ledger.event("instance.exited", { exitCode, oomKilled, restart });
  if (next.type === "backoff")
    ledger.event("instance.restarting", { afterMs: next.until - now, series: next.series, restart });
  else await attachments.end({ exitCode: exitCode ?? UNKNOWN_EXIT_CODE, oomKilled });
}

/** One that is removed when it has ended is looked for by no boot. */
async function saveEnd(ledger: InstanceLedger): Promise<void> {
  if (ledger.assignment.attached?.removeOnExit === true) ledger.save();
  else await ledger.saveDurably();
}

/** Takes an instance that does not run apart, to its last file. `onForgotten`: before its log goes. */
export async function takeApart(ledger: InstanceLedger, onForgotten: () => void): Promise<void> {
  const { node, assignment, folder, attachments } = ledger;
  await node.networks.release(assignment);
  await node.volumes.removeAnonymous(assignment);
  await node.logs.forget(assignment.instanceId);
  onForgotten();
  await folder.remove();
  await attachments.end(containerError("SLIPWAY_CONTAINER_NOT_RUNNING", `${assignment.name} was removed`));
  ledger.event("instance.removed");
}
