import { setTimeout as delay } from "node:timers/promises";
import type { Socket } from "node:net";
import { trace } from "@opentelemetry/api";
import type { Assignment, HealthState, ObservedInstance } from "#contracts/instance.ts";
import { hasCode, type SlipwayError, toSlipwayError } from "#contracts/slipway-error.ts";
import type { MessageStream } from "#messaging/platform.ts";
import type { ChildExit } from "../launch/children.ts";
import { Attachments } from "./attachments.ts";
import { containerError } from "./errors.ts";
import { InstanceFolder, type InstanceRecord } from "./instance-record.ts";
import { superviseHealth } from "./instance-health.ts";
import { inParentTrace } from "./instance-trace.ts";
import { endRun, restartsOf } from "./lifecycle.ts";
import { nextStep, type Wanted } from "./next-step.ts";
import type { NodeServices } from "./node-services.ts";
import { type Activity, observe } from "./observed.ts";
import { recoverContainer } from "./recover-container.ts";
import type { RunningContainer } from "./running-container.ts";
import { signalNumber } from "./signals.ts";
import { type StartedContainer, startContainer } from "./start-container.ts";

const SIGKILL = 9;
const RETRY_MS = 1_000;
/** A container that cannot be taken over so often is ended, and then lives as its restart policy says. */
const MOST_TAKE_OVERS = 5;
/** What a caller is told of an exit whose code nobody can know. */
const UNKNOWN_EXIT_CODE = 255;
/** The process is gone, and with its pid namespace every other writer: the pipes end at once. */
const LOGS_END_WAIT_MS = 5_000;

/**
 * One instance on this node. A loop compares what is wanted with where the instance is and does the next thing; it alone
 * changes the record, which is on disk before anybody hears of it.
 */
export class Instance {
  readonly attachments = new Attachments();
  readonly folder: InstanceFolder;
  readonly #node: NodeServices;
  readonly #record: InstanceRecord;
  readonly #report: (observed: ObservedInstance) => void;
  readonly #closing = new AbortController();
  readonly #removed = new AbortController();
  #wanted: Wanted;
  #activity: Activity = { doing: null, health: "none" };
  #running: StartedContainer | undefined;
  #exit: ChildExit | undefined;
  #starting: AbortController | undefined;
  #stopHealth: (() => void) | undefined;
  #input = Promise.withResolvers<Socket | null>();
  #changed = Promise.withResolvers<void>();
  readonly #onOutput = (stream: "stdout" | "stderr", chunk: Uint8Array): Promise<void> =>
    this.attachments.output(stream, chunk);
  #loop: Promise<void> | undefined;
  /** How often it was tried to take over what a former agent had; infinite when there is nothing to take over (any more). */
  #takeOvers = Infinity;

  constructor(node: NodeServices, record: InstanceRecord, report: (observed: ObservedInstance) => void) {
    this.#node = node;
    this.#record = record;
    this.#report = report;
    this.#wanted = { type: "assigned", assignment: record.assignment };
    this.folder = new InstanceFolder(node.home.instances, record.assignment.instanceId);
    if (record.lifecycle.type === "running") this.#activity.health = this.folder.readHealth(record.lifecycle.startTime);
  }

  get assignment(): Assignment {
    return this.#record.assignment;
  }

  /** Aborted when nothing of it will be written any more: followers of its log then end. */
  get removed(): AbortSignal {
    return this.#removed.signal;
  }

  get idBase(): number {
    return this.#record.idBase;
  }

  get observed(): ObservedInstance {
    return observe(this.#record, this.#activity);
  }

  /** Begins a new instance. */
  async begin(): Promise<void> {
    await this.folder.create();
    await this.#save();
    this.#node.events.record("instance.created", this.assignment);
    this.#loop = this.#keepLiving();
  }

  /** Goes on with an instance of a former agent: its process may still run, or have ended meanwhile. */
  async recover(): Promise<void> {
    this.#takeOvers = 0;
    // One that cannot be taken over yet keeps no other from being.
    await this.#takeOver().catch((error: unknown) => console.error(`${this.assignment.name} is not taken over:`, error));
    this.#tell();
    this.#loop = this.#keepLiving();
  }

  /** Takes a new version of the assignment. */
  assign(assignment: Assignment): void {
    this.#record.assignment = assignment;
    this.#want({ type: "assigned", assignment });
  }

  /** Stops it and takes it apart; resolves when nothing of it is left. */
  async remove(): Promise<void> {
    this.#want({ type: "removed" });
    await this.#loop;
  }

  /** Stops the container, whatever is desired, and leaves. */
  async halt(): Promise<void> {
    this.#want({ type: "assigned", assignment: { ...this.assignment, desired: "stopped" } });
    await this.#running?.container.exit;
    await this.leave();
  }

  /** Stops following; the container runs on, for the next agent to recover. */
  async leave(): Promise<void> {
    this.#closing.abort();
    this.#stopHealth?.();
    this.#wake();
    await this.#loop;
    await this.#running?.container.logs[Symbol.asyncDispose]();
  }

  /** The container, when it runs; throws SLIPWAY_CONTAINER_NOT_RUNNING. */
  get container(): RunningContainer {
    if (this.#running !== undefined && this.#exit === undefined) return this.#running.container;
    const { name } = this.assignment;
    throw containerError("SLIPWAY_CONTAINER_NOT_RUNNING", `${name} does not run; it is ${this.observed.state}`);
  }

  async signal(name: string): Promise<void> {
    const number = signalNumber(name);
    await this.#node.children.signal(this.container.instanceId, number);
  }

  /** Serves one attach stream to its end. */
  async attach(stream: MessageStream): Promise<void> {
    await this.attachments.serve(stream, {
      stdin: () => this.#input.promise,
      // A caller may know from the first output that it runs before we have recorded it.
      signal: async (name) => {
        await this.#input.promise;
        await this.signal(name);
      },
    });
  }

  /** What the loop could not do (a group that is busy, a full disk) is tried again; nothing is forgotten half done. */
  async #keepLiving(): Promise<void> {
    for (;;) {
      try {
        return await this.#live();
      } catch (error) {
        console.error(`${this.assignment.name}: tried again in ${RETRY_MS} ms:`, error);
        await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  async #takeOver(): Promise<void> {
    if (++this.#takeOvers > MOST_TAKE_OVERS) await this.#node.children.signal(this.assignment.instanceId, SIGKILL);
    const recovered = await recoverContainer(this.#node, this.#record, this.folder, this.#closing.signal);
    if (recovered.type === "ended") await this.#recordExit(recovered.exit, false, recovered.oomKilled);
    this.#takeOvers = Infinity;
    if (recovered.type !== "running") return;
    recovered.started.container.logs.subscribe(this.#onOutput);
    this.#adopt(recovered.started);
  }

  async #live(): Promise<void> {
    if (this.#takeOvers < Infinity) await this.#takeOver();
    for (;;) {
      // Also when we leave: who comes next may not be told of this end again.
      if (this.#exit !== undefined) await this.#afterExit(this.#exit, false);
      if (this.#closing.signal.aborted) return;
      const step = nextStep(this.#wanted, this.#record.lifecycle, Date.now());
      switch (step.type) {
        case "remove":
          return this.#takeApart();
        case "start":
          await this.#start(step.restart);
          break;
        case "stop":
          await this.#stop();
          break;
        case "wait":
          await this.#untilChanged(step.until);
      }
    }
  }

  async #start(restart: boolean): Promise<void> {
    const starting = new AbortController();
    this.#starting = starting;
    const signal = AbortSignal.any([starting.signal, this.#closing.signal]);
    try {
      await inParentTrace(this.assignment, "instance start", async () =>
        this.#started(await this.#launch(signal), restart),
      );
    } catch (error) {
      // A supervisor that went away has failed nobody: the loop comes back here, and waits for it.
      const isToBeRepeated = signal.aborted || hasCode(error, "SLIPWAY_LAUNCH_SUPERVISOR_AWAY");
      if (!isToBeRepeated) await this.#startFailed(toSlipwayError(error));
    } finally {
      this.#starting = undefined;
      this.#activity.doing = null;
    }
  }

  async #launch(signal: AbortSignal): Promise<StartedContainer> {
    const { assignment, idBase } = this.#record;
    if (!this.#node.children.isReady) this.#node.events.record("instance.waiting", assignment, { for: "supervisor" });
    await this.#node.children.ready(signal);
    if (assignment.attached?.waitForAttach === true && this.#record.lifecycle.type === "new")
      await this.attachments.untilArrived(assignment.name, signal);
    this.#do("pulling");
    const image = await this.#node.images.obtain(assignment.spec.image, signal, () => {});
    if (this.#record.imageDigest !== image.digest)
      this.#node.events.record("instance.pulled", assignment, { digest: image.digest });
    this.#record.imageDigest = image.digest;
    this.#record.imageDefaults = { stopSignal: image.config.stopSignal, healthcheck: image.config.healthcheck };
    this.#do("creating");
    return startContainer(this.#node, { assignment, folder: this.folder, idBase, image, onOutput: this.#onOutput }, signal);
  }

  async #started(started: StartedContainer, restart: boolean): Promise<void> {
    const { container } = started;
    const { lifecycle, assignment } = this.#record;
    const series = lifecycle.type === "backoff" ? lifecycle.series : 0;
    this.#record.addresses = container.networks.addresses;
    this.#record.ports = container.networks.ports;
    this.#record.process = container.process;
    this.#record.lifecycle = {
      type: "running",
      pid: container.pid,
      startTime: container.startTime,
      startedAt: new Date().toISOString(),
      runSerial: assignment.runSerial,
      series: restart ? series : 0,
      restarts: restartsOf(lifecycle) + (restart ? 1 : 0),
    };
    await this.#save();
    this.#adopt(started);
    this.#node.events.record("instance.started", assignment, {
      pid: container.pid,
      addresses: container.networks.addresses,
    });
    trace.getActiveSpan()?.setAttribute("slipway.instance.pid", container.pid);
    await this.attachments.tell({ type: "started", pid: container.pid });
  }

  /** From here on its end is ours to see, its output goes to whoever is attached, and its health is watched. */
  #adopt(started: StartedContainer): void {
    const { container } = started;
    this.#running = started;
    this.#exit = undefined;
    this.#input.resolve(container.stdin);
    void container.exit.then((exit) => {
      this.#exit = exit;
      this.#wake();
    });
    this.#activity.doing = null;
    this.#stopHealth = superviseHealth(
      this.#node,
      this.assignment,
      container,
      { imageCheck: this.#record.imageDefaults.healthcheck, known: this.folder.readHealth(container.startTime) },
      (health) => this.#setHealth(container, health),
    );
    this.#tell();
  }

  async #startFailed(error: SlipwayError): Promise<void> {
    const { assignment, lifecycle } = this.#record;
    const failure = { code: error.code, message: error.message, remedy: error.remedy, exitCode: error.exitCode };
    this.#record.lifecycle = {
      type: "failed",
      failure,
      finishedAt: new Date().toISOString(),
      runSerial: assignment.runSerial,
      restarts: restartsOf(lifecycle),
    };
    await this.#save();
    this.#activity.doing = null;
    this.#tell();
    this.#node.events.record("instance.failed", assignment, failure);
    if (hasCode(error, "SLIPWAY_INTERNAL")) console.error(error.cause ?? error);
    await this.attachments.end(error);
  }

  /** The stop signal, the grace period, then SIGKILL. */
  async #stop(): Promise<void> {
    const { instanceId, spec } = this.assignment;
    const container = this.container;
    this.#do("stopping");
    this.#node.events.record("instance.stopping", this.assignment);
    this.#stopHealth?.();
    await this.#node.children.signal(
      instanceId,
      signalNumber(spec.stopSignal ?? this.#record.imageDefaults.stopSignal ?? "SIGTERM"),
    );
    const timer = setTimeout(
      () => void this.#node.children.signal(instanceId, SIGKILL).catch(() => {}),
      spec.stopGracePeriodMs,
    );
    const exit = await container.exit;
    clearTimeout(timer);
    await this.#afterExit(exit, true);
  }

  async #afterExit(exit: ChildExit, held: boolean): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#stopHealth?.();
    const { container, resources } = running;
    const oomKilled = container.cgroup.oomKills() > 0;
    await Promise.race([container.logs.ended, new Promise((resolve) => setTimeout(resolve, LOGS_END_WAIT_MS).unref())]);
    await resources.disposeAsync();
    this.#running = undefined;
    this.#exit = undefined;
    this.#input = Promise.withResolvers();
    await this.#recordExit(exit, held, oomKilled);
  }

  async #recordExit(exit: ChildExit, held: boolean, oomKilled: boolean): Promise<void> {
    const { lifecycle, assignment } = this.#record;
    if (lifecycle.type !== "running") return;
    const now = Date.now();
    const next = endRun(lifecycle, assignment.spec.restart, { exit, held, oomKilled, now });
    this.#record.lifecycle = next;
    await this.#save();
    await this.#node.children.forget(assignment.instanceId);
    this.#activity = { doing: null, health: "none" };
    this.#tell();
    const { exitCode } = next;
    if (oomKilled) this.#node.events.record("instance.oom-killed", assignment, { exitCode });
    this.#node.events.record("instance.exited", assignment, { exitCode, oomKilled });
    if (next.type === "backoff") this.#node.events.record("instance.restarting", assignment, { afterMs: next.until - now });
    else await this.attachments.end({ exitCode: exitCode ?? UNKNOWN_EXIT_CODE, oomKilled });
  }

  async #takeApart(): Promise<void> {
    await this.#node.networks.release(this.assignment);
    await this.#node.volumes.removeAnonymous(this.assignment);
    this.#removed.abort();
    await this.folder.remove();
    await this.attachments.end(containerError("SLIPWAY_CONTAINER_NOT_RUNNING", `${this.assignment.name} was removed`));
    this.#node.events.record("instance.removed", this.assignment);
  }

  #setHealth({ startTime }: RunningContainer, health: HealthState): void {
    const isNews = health !== this.#activity.health;
    this.#activity.health = health;
    this.folder.saveHealth(startTime, health);
    this.#node.networks.setHealthy(this.assignment.instanceId, health === "healthy" || health === "none");
    if (isNews && health === "healthy") this.#node.events.record("instance.healthy", this.assignment);
    if (isNews && health === "unhealthy") this.#node.events.record("instance.unhealthy", this.assignment);
    this.#tell();
  }

  #want(wanted: Wanted): void {
    this.#wanted = wanted;
    if (wanted.type === "removed" || wanted.assignment.desired === "stopped") this.#starting?.abort();
    this.#wake();
  }

  #do(doing: Activity["doing"]): void {
    this.#activity.doing = doing;
    this.#tell();
  }

  #tell(): void {
    this.#report(this.observed);
  }

  async #save(): Promise<void> {
    await this.folder.save(this.#record);
  }

  #wake(): void {
    this.#changed.resolve();
  }

  async #untilChanged(until: number | undefined): Promise<void> {
    const timer = until === undefined ? undefined : setTimeout(() => this.#wake(), Math.max(0, until - Date.now()));
    await this.#changed.promise;
    clearTimeout(timer);
    this.#changed = Promise.withResolvers();
  }
}
