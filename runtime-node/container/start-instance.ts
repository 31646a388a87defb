import { trace } from "@opentelemetry/api";
import type { InstanceFailure } from "#contracts/instance.ts";
import { hasCode, type SlipwayError } from "#contracts/slipway-error.ts";
import { roomNow } from "./disk-room.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import { inStage } from "./instance-trace.ts";
import { inPullSpans } from "./pull-spans.ts";
import { type Lifecycle, restartsOf } from "./lifecycle.ts";
import type { RunningContainer } from "./running-container.ts";
import { type ParkedContainer, type StartedContainer, type StartRequest, startContainer } from "./start-container.ts";
import { INSUFFICIENT_STORAGE } from "./start-error.ts";

/** Starts an instance's container: waits for who attaches and for a supervisor, then its image, then all the rest. */
export async function startInstance(
  ledger: InstanceLedger,
  onOutput: StartRequest["onOutput"],
  signal: AbortSignal,
  restart: boolean,
): Promise<StartedContainer> {
  const { node, record, folder, attachments } = ledger;
  const { assignment, idBase } = record;
  const reference = assignment.spec.image;
  await folder.create();
  if (record.lifecycle.type === "new") ledger.save();
  if (!node.children.isReady) ledger.event("instance.waiting", { for: "supervisor" });
  await node.children.ready(signal);
  if (assignment.attached?.waitForAttach === true && record.lifecycle.type === "new")
    await attachments.untilArrived(assignment.name, signal);
  ledger.do("pulling");
  const obtain = () => inPullSpans((onProgress) => node.images.obtain(reference, signal, onProgress));
  const image = await inStage("obtain image", obtain, { "slipway.image": reference });
  if (record.imageDigest !== image.digest) ledger.event("instance.pulled", { digest: image.digest });
  record.imageDigest = image.digest;
  record.imageDefaults = { stopSignal: image.config.stopSignal, healthcheck: image.config.healthcheck };
  ledger.do("creating");
  const onParked = (parked: ParkedContainer): Promise<void> => recordLaunch(ledger, parked, restart);
  const firstLaunch = record.hasLaunched !== true;
  return startContainer(node, { assignment, folder, idBase, image, firstLaunch, onOutput, onParked }, signal);
}

/** What is about to run goes on record before it does: the next agent would take the process for a stray, and start another. */
async function recordLaunch(
  { record, assignment, folder }: InstanceLedger,
  { pid, startTime, networks, process }: ParkedContainer,
  restart: boolean,
): Promise<void> {
  const { lifecycle } = record;
  const series = lifecycle.type === "backoff" ? lifecycle.series : 0;
  record.addresses = networks.addresses;
  record.ports = networks.ports;
  record.process = process;
  record.hasLaunched = true;
  record.launching = {
    type: "running",
    pid,
    startTime,
    startedAt: new Date().toISOString(),
    runSerial: assignment.runSerial,
    series: restart ? series : 0,
    restarts: restartsOf(lifecycle) + (restart ? 1 : 0),
  };
  folder.save(record);
}

/** The container runs: on disk too, so that the next boot does not start again what is to run once. A full disk keeps no start from being one. */
export async function recordStart(ledger: InstanceLedger): Promise<void> {
  const { record, assignment } = ledger;
  if (record.launching === undefined) return;
  record.lifecycle = record.launching;
  record.launching = undefined;
  await ledger
    .saveDurably()
    .catch((error: unknown) => console.error(`${assignment.name} runs, and its record is not written:`, error));
}

/** Tells of a start that is on record: in events, in the trace, and whoever is attached. */
export async function announceStart(ledger: InstanceLedger, { pid, networks }: RunningContainer): Promise<void> {
  ledger.event("instance.started", { pid, addresses: networks.addresses });
  trace.getActiveSpan()?.setAttribute("slipway.instance.pid", pid);
  await ledger.attachments.tell({ type: "started", pid });
}

/** The instance stays down, with the reason, until it is asked for anew. */
export async function recordFailedStart(ledger: InstanceLedger, error: SlipwayError): Promise<void> {
  const { node, record, assignment } = ledger;
  const before = record.lifecycle;
  const failure = { code: error.code, message: error.message, remedy: error.remedy, exitCode: error.exitCode };
  record.lifecycle = {
    type: "failed",
    failure,
    finishedAt: new Date().toISOString(),
    runSerial: assignment.runSerial,
    restarts: restartsOf(record.lifecycle),
    ...(error.status === INSUFFICIENT_STORAGE ? { retry: await roomNow(node.home) } : {}),
  };
  // Whoever waits must hear of a full disk, though it does not take the record.
  await ledger
    .saveDurably()
    .catch((cause: unknown) => console.error(`the record of ${assignment.name} is not written:`, cause));
  ledger.do(null);
  if (!isSameFailure(before, failure)) ledger.event("instance.failed", failure);
  if (hasCode(error, "SLIPWAY_INTERNAL")) console.error(error.cause ?? error);
  await ledger.attachments.end(error);
}

/** A disk that stays full fails each try in the same way: that is told once. */
const isSameFailure = (before: Lifecycle, { message }: InstanceFailure): boolean =>
  before.type === "failed" && before.retry !== undefined && before.failure.message === message;
