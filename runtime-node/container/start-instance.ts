import { trace } from "@opentelemetry/api";
import { hasCode, type SlipwayError } from "#contracts/slipway-error.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import { inStage } from "./instance-trace.ts";
import { restartsOf } from "./lifecycle.ts";
import type { RunningContainer } from "./running-container.ts";
import { type StartedContainer, type StartRequest, startContainer } from "./start-container.ts";

/** Starts an instance's container: waits for who attaches and for a supervisor, then its image, then all the rest. */
export async function startInstance(
  ledger: InstanceLedger,
  onOutput: StartRequest["onOutput"],
  signal: AbortSignal,
): Promise<StartedContainer> {
  const { node, record, folder, attachments } = ledger;
  const { assignment, idBase } = record;
  const reference = assignment.spec.image;
  if (!node.children.isReady) ledger.event("instance.waiting", { for: "supervisor" });
  await node.children.ready(signal);
  if (assignment.attached?.waitForAttach === true && record.lifecycle.type === "new")
    await attachments.untilArrived(assignment.name, signal);
  ledger.do("pulling");
  const image = await inStage("obtain image", () => node.images.obtain(reference, signal, () => {}), {
    "slipway.image": reference,
  });
  if (record.imageDigest !== image.digest) ledger.event("instance.pulled", { digest: image.digest });
  record.imageDigest = image.digest;
  record.imageDefaults = { stopSignal: image.config.stopSignal, healthcheck: image.config.healthcheck };
  ledger.do("creating");
  return startContainer(node, { assignment, folder, idBase, image, onOutput }, signal);
}

/** The container runs: on record from here on. */
export async function recordStart(ledger: InstanceLedger, container: RunningContainer, restart: boolean): Promise<void> {
  const { record, assignment } = ledger;
  const { lifecycle } = record;
  const series = lifecycle.type === "backoff" ? lifecycle.series : 0;
  record.addresses = container.networks.addresses;
  record.ports = container.networks.ports;
  record.process = container.process;
  record.lifecycle = {
    type: "running",
    pid: container.pid,
    startTime: container.startTime,
    startedAt: new Date().toISOString(),
    runSerial: assignment.runSerial,
    series: restart ? series : 0,
    restarts: restartsOf(lifecycle) + (restart ? 1 : 0),
  };
  await ledger.save();
}

/** Tells of a start that is on record: in events, in the trace, and whoever is attached. */
export async function announceStart(ledger: InstanceLedger, { pid, networks }: RunningContainer): Promise<void> {
  ledger.event("instance.started", { pid, addresses: networks.addresses });
  trace.getActiveSpan()?.setAttribute("slipway.instance.pid", pid);
  await ledger.attachments.tell({ type: "started", pid });
}

/** The instance stays down, with the reason, until it is asked for anew. */
export async function recordFailedStart(ledger: InstanceLedger, error: SlipwayError): Promise<void> {
  const { record, assignment } = ledger;
  const failure = { code: error.code, message: error.message, remedy: error.remedy, exitCode: error.exitCode };
  record.lifecycle = {
    type: "failed",
    failure,
    finishedAt: new Date().toISOString(),
    runSerial: assignment.runSerial,
    restarts: restartsOf(record.lifecycle),
  };
  await ledger.save();
  ledger.do(null);
  ledger.event("instance.failed", failure);
  if (hasCode(error, "SLIPWAY_INTERNAL")) console.error(error.cause ?? error);
  await ledger.attachments.end(error);
}
