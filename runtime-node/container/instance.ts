import { setTimeout as delay } from "node:timers/promises";
import type { Socket } from "node:net";
import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import { steadyNow } from "#contracts/steady-time.ts";
import type { MessageStream } from "#messaging/platform.ts";
import type { ChildExit } from "../launch/children.ts";
import type { Attachments } from "./attachments.ts";
import { hasMoreRoom } from "./disk-room.ts";
import { recordEnd, releaseContainer, stopContainer, takeApart } from "./end-instance.ts";
import { containerError } from "./errors.ts";
import { superviseHealth } from "./instance-health.ts";
import { InstanceLedger } from "./instance-ledger.ts";
import type { InstanceFolder, InstanceRecord } from "./instance-record.ts";
import { inLinkedTrace, inParentTrace, untilHealthy } from "./instance-trace.ts";
import { nextStep, type Wanted } from "./next-step.ts";
import type { NodeServices } from "./node-services.ts";
import { recoverContainer } from "./recover-container.ts";
import type { RunningContainer } from "./running-container.ts";
import { signalNumber } from "./signals.ts";
import type { StartedContainer } from "./start-container.ts";
import { toStartError } from "./start-error.ts";
import { announceStart, recordFailedStart, recordStart, startInstance } from "./start-instance.ts";

const SIGKILL = 9;
const RETRY_MS = 1_000;
/** A container that cannot be taken over so often is ended, and then lives as its restart policy says. */
const MOST_TAKE_OVERS = 5;

/**
 * One instance on this node. A loop compares what is wanted with where the instance is and does the next thing; it alone
 * changes the record, which is written before anybody hears of it.
 */
export class Instance {
  readonly #node: NodeServices;
  readonly #ledger: InstanceLedger;
  readonly #closing = new AbortController();
  readonly #removed = new AbortController();
  #wanted: Wanted;
  #running: StartedContainer | undefined;
  #exit: ChildExit | undefined;
  #starting: AbortController | undefined;
  #stopHealth: (() => void) | undefined;
  #input = Promise.withResolvers<Socket | null>();
  #changed = Promise.withResolvers<void>();
  #loop: Promise<void> | undefined;
  /** How often it was tried to take over what a former agent had; infinite when there is nothing to take over (any more). */
  #takeOvers = Infinity;
  readonly #onOutput = (stream: "stdout" | "stderr", chunk: Uint8Array): Promise<void> =>
    this.attachments.output(stream, chunk);

  constructor(node: NodeServices, record: InstanceRecord, report: (observed: ObservedInstance) => void) {
    this.#node = node;
    this.#ledger = new InstanceLedger(node, record, report);
    this.#wanted = { type: "assigned", assignment: record.assignment };
  }

  get assignment(): Assignment {
    return this.#ledger.assignment;
  }

  get attachments(): Attachments {
    return this.#ledger.attachments;
  }

  get folder(): InstanceFolder {
    return this.#ledger.folder;
  }

  /** Aborted when nothing of it will be written any more: followers of its log then end. */
  get removed(): AbortSignal {
    return this.#removed.signal;
  }

  get idBase(): number {
    return this.#ledger.record.idBase;
  }

  get observed(): ObservedInstance {
    return this.#ledger.observed;
  }

  /** Begins a new instance. */
  begin(): void {
    this.#ledger.event("instance.created");
    this.#loop = this.#keepLiving();
  }

  /** Goes on with an instance of a former agent: its process may still run, or have ended meanwhile. */
  async recover(): Promise<void> {
    this.#takeOvers = 0;
    // One that cannot be taken over yet keeps no other from being.
    await this.#takeOver().catch((error: unknown) => console.error(`${this.assignment.name} is not taken over:`, error));
    this.#ledger.tell();
    this.#loop = this.#keepLiving();
  }

  /** Takes a new version of the assignment. */
  assign(assignment: Assignment): void {
    this.#ledger.record.assignment = assignment;
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
    const { instanceId, cgroup } = this.container;
    await this.#node.children.signal(instanceId, number);
    // On cgroup v1 a process that is frozen does not even die.
    if (number === SIGKILL && cgroup.isFrozen) cgroup.thaw();
  }

  /** Freezes all its processes, and with them its health check; again does nothing. */
  async pause(): Promise<void> {
    const { cgroup } = this.container;
    if (this.observed.state === "stopping")
      throw containerError("SLIPWAY_CONTAINER_NOT_RUNNING", `${this.assignment.name} is being stopped`);
    if (cgroup.isFrozen) return;
    this.#stopHealth?.();
    try {
      await cgroup.freeze(this.#closing.signal);
    } catch (error) {
      this.#watchHealth();
      throw error;
    }
    this.#ledger.setPaused(true);
    this.#ledger.event("instance.paused");
  }

  /** Lets them go on; does nothing when they do. */
  unpause(): void {
    const { cgroup } = this.container;
    if (!cgroup.isFrozen) return;
    cgroup.thaw();
    this.#ledger.setPaused(false);
    this.#ledger.event("instance.unpaused");
    this.#watchHealth();
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
        if (this.#closing.signal.aborted) return;
        console.error(`${this.assignment.name}: tried again in ${RETRY_MS} ms:`, error);
        await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  async #takeOver(): Promise<void> {
    // Its absence is no fault of the container.
    if (this.#takeOvers > 0) await this.#node.children.ready(this.#closing.signal);
    const atAnyCost = ++this.#takeOvers > MOST_TAKE_OVERS;
    // One that runs no more is no error here: what is left of it is given back.
    if (atAnyCost) await this.#node.children.signal(this.assignment.instanceId, SIGKILL).catch(() => {});
    const { launching } = this.#ledger.record;
    await recordStart(this.#ledger);
    if (launching !== undefined)
      this.#ledger.event("instance.started", { pid: launching.pid, addresses: this.#ledger.record.addresses });
    const options = { signal: this.#closing.signal, atAnyCost };
    const recovered = await recoverContainer(this.#node, this.#ledger.record, this.folder, options);
    if (recovered.type === "ended") await recordEnd(this.#ledger, { ...recovered, held: false });
    this.#takeOvers = Infinity;
    if (recovered.type !== "running") return;
    recovered.started.container.logs.subscribe(this.#onOutput);
    this.#adopt(recovered.started);
  }

  async #live(): Promise<void> {
    if (this.#takeOvers < Infinity) await this.#takeOver();
    for (;;) {
      // Also when we leave: who comes next may not be told of this end again.
      if (this.#exit !== undefined) await this.#ended(this.#exit, false);
      if (this.#closing.signal.aborted) return;
      const step = nextStep(this.#wanted, this.#ledger.record.lifecycle, steadyNow());
      switch (step.type) {
        case "remove":
          return takeApart(this.#ledger, () => this.#removed.abort());
        case "start":
          if (await this.#hasRoom()) await this.#start(step.restart);
          break;
        case "stop":
          await this.#stop();
          break;
        case "wait":
          await this.#untilChanged(step.until);
      }
    }
  }

  #hasRoom(): Promise<boolean> {
    return hasMoreRoom(this.#node.home, this.#ledger.record.lifecycle, this.assignment.runSerial);
  }

  async #start(restart: boolean): Promise<void> {
    const starting = new AbortController();
    this.#starting = starting;
    const signal = AbortSignal.any([starting.signal, this.#closing.signal]);
    try {
      const inTrace = restart ? inLinkedTrace : inParentTrace;
      await inTrace(this.assignment, restart ? "instance restart" : "instance start", async () => {
        const started = await startInstance(this.#ledger, this.#onOutput, signal, restart);
        await recordStart(this.#ledger);
        this.#adopt(started);
        await announceStart(this.#ledger, started.container);
      });
    } catch (error) {
      this.#ledger.record.launching = undefined;
      // A supervisor that went away has failed nobody: the loop comes back here, and waits for it.
      if (signal.aborted || hasCode(error, "SLIPWAY_LAUNCH_SUPERVISOR_AWAY")) this.#ledger.do(null);
      else await recordFailedStart(this.#ledger, toStartError(error, this.assignment.name, this.folder.path));
    } finally {
      this.#starting = undefined;
    }
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
    // A former agent may have left it frozen.
    const { isFrozen } = container.cgroup;
    this.#ledger.setPaused(isFrozen);
    if (!isFrozen) this.#watchHealth();
    this.#ledger.do(null);
  }

  #watchHealth(): void {
    const container = this.#running?.container;
    if (container === undefined) return;
    const { record, folder } = this.#ledger;
    const known = folder.readHealth(container.startTime);
    const imageCheck = record.imageDefaults.healthcheck;
    const tellTrace = untilHealthy();
    this.#stopHealth = superviseHealth(this.#node, this.assignment, container, { imageCheck, known }, (health) => {
      tellTrace(health);
      this.#ledger.setHealth(container, health);
    });
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) throw new Error("its record says that it runs, and there is no process");
    this.#stopHealth?.();
    const stop = () => stopContainer(this.#ledger, running, this.#closing.signal);
    // What removes an instance takes its assignment away, and says in no trace of its own that it did.
    const exit = await (this.#wanted.type === "removed" ? stop() : inParentTrace(this.assignment, "instance stop", stop));
    if (exit !== undefined) await this.#ended(exit, true);
  }

  async #ended(exit: ChildExit, held: boolean): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#stopHealth?.();
    this.#exit = exit;
    const oomKilled = await releaseContainer(this.#ledger, running);
    await recordEnd(this.#ledger, { exit, held, oomKilled });
    // Not before it is on record: what a full disk refused is tried again.
    this.#running = undefined;
    this.#exit = undefined;
    this.#input = Promise.withResolvers();
  }

  #want(wanted: Wanted): void {
    this.#wanted = wanted;
    if (wanted.type === "removed" || wanted.assignment.desired === "stopped") this.#starting?.abort();
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
  }

  async #untilChanged(until: number | undefined): Promise<void> {
    const timer = until === undefined ? undefined : setTimeout(() => this.#wake(), Math.max(0, until - steadyNow()));
    await this.#changed.promise;
    clearTimeout(timer);
    this.#changed = Promise.withResolvers();
  }
}
