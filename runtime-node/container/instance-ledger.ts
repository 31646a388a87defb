import type { EventType } from "#contracts/event.ts";
import type { Assignment, HealthState, ObservedInstance } from "#contracts/instance.ts";
import { Attachments } from "./attachments.ts";
import { InstanceFolder, type InstanceRecord } from "./instance-record.ts";
import type { NodeServices } from "./node-services.ts";
import { type Activity, observe } from "./observed.ts";
import type { RunningContainer } from "./running-container.ts";

/**
 * All that is known of one instance, and who is told of it: its record, which is written before anybody hears of a change, what is being
 * done with it, and its health.
 */
export class InstanceLedger {
  readonly node: NodeServices;
  readonly record: InstanceRecord;
  readonly folder: InstanceFolder;
  readonly attachments = new Attachments();
  readonly #report: (observed: ObservedInstance) => void;
  #activity: Activity = { doing: null, health: "none", paused: false };

  constructor(node: NodeServices, record: InstanceRecord, report: (observed: ObservedInstance) => void) {
    this.node = node;
    this.record = record;
    this.#report = report;
    this.folder = new InstanceFolder(node.home, record.assignment.instanceId);
    if (record.lifecycle.type === "running") this.#activity.health = this.folder.readHealth(record.lifecycle.startTime);
  }

  get assignment(): Assignment {
    return this.record.assignment;
  }

  get observed(): ObservedInstance {
    return observe(this.record, this.#activity);
  }

  /** For the next agent; the next boot does without. */
  save(): void {
    this.folder.save(this.record);
  }

  async saveDurably(): Promise<void> {
    await this.folder.saveDurably(this.record);
  }

  tell(): void {
    this.#report(this.observed);
  }

  event(type: EventType, data?: Record<string, unknown>): void {
    this.node.events.record(type, this.assignment, data);
  }

  /** What is done from now on, told; null is nothing. */
  do(doing: Activity["doing"]): void {
    this.#activity.doing = doing;
    this.tell();
  }

  /** Nothing is done with it, and there is no process whose health could be known. */
  rest(): void {
    this.#activity = { doing: null, health: "none", paused: false };
    this.tell();
  }

  setPaused(paused: boolean): void {
    if (this.#activity.paused === paused) return;
    this.#activity.paused = paused;
    this.tell();
  }

  setHealth({ startTime }: RunningContainer, health: HealthState): void {
    const isNews = health !== this.#activity.health;
    this.#activity.health = health;
    try {
      this.folder.saveHealth(startTime, health);
    } catch (error) {
      // The next agent begins with what was known before, and asks the container itself.
      console.error(`the health of ${this.assignment.name} is not written:`, error);
    }
    this.node.networks.setHealthy(this.assignment.instanceId, health === "healthy" || health === "none");
    if (isNews && health === "healthy") this.event("instance.healthy");
    if (isNews && health === "unhealthy") this.event("instance.unhealthy");
    this.tell();
  }
}
