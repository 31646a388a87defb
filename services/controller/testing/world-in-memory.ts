import { instanceKey } from "#contracts/buckets.ts";
import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject, ProjectSpec } from "#contracts/project-spec.ts";
import type { RouteEntry } from "#contracts/route.ts";
import type { BucketEntry } from "#messaging/platform.ts";
import type { Action, Decision } from "../action.ts";
import { decide } from "../decide.ts";
import type { Snapshot } from "#services/state/snapshot.ts";
import { observation } from "#services/state/testing/observation.ts";
import { desired } from "#services/state/testing/specs.ts";

export const NODE = "n1";
const ENOUGH_ROUNDS = 200;

/** Four buckets in memory, in which decisions are carried out to the letter, and the hand of a node that reports on demand. */
export class WorldInMemory {
  now = Date.parse("2026-01-01T00:00:00.000Z");
  /** With which instances the gateway has said to be done. */
  readonly drained = new Set<string>();
  /** Every action carried out, oldest first. */
  readonly done: Action[] = [];
  readonly #desired = new Map<string, BucketEntry<DesiredProject>>();
  readonly #assignments = new Map<string, BucketEntry<Assignment>>();
  readonly #observed = new Map<string, BucketEntry<ObservedInstance>>();
  readonly #routes = new Map<string, BucketEntry<RouteEntry>>();
  #revision = 0;

  get snapshot(): Snapshot {
    return {
      desired: [...this.#desired.values()],
      assignments: [...this.#assignments.values()],
      observed: [...this.#observed.values()],
      routes: [...this.#routes.values()],
    };
  }

  /** As PUT /projects does. */
  want(spec: ProjectSpec, changes: Partial<DesiredProject> = {}): void {
    const generation = (this.#desired.get(spec.name)?.value.generation ?? 0) + 1;
    this.#put(this.#desired, spec.name, desired(spec, { generation, ...changes }));
  }

  change(project: string, changes: Partial<DesiredProject>): void {
    this.#put(this.#desired, project, { ...this.#desired.get(project)!.value, ...changes });
  }

  put(assignment: Assignment): void {
    this.#put(this.#assignments, instanceKey(assignment.node, assignment.instanceId), assignment);
  }

  /** Decides and carries out until there is nothing left to do now; returns what was done. */
  settle(): Action[] {
    const before = this.done.length;
    for (let round = 0; round < ENOUGH_ROUNDS; round++) {
      const actions = this.decide();
      if (actions.length === 0) return this.done.slice(before);
      for (const action of actions) this.#carryOut(action);
    }
    throw new Error(`decisions go round in circles: ${JSON.stringify(this.done.slice(-6))}`);
  }

  /** Carries out only the first actions of one decision, as a controller that is killed in the middle of it. */
  crashAfter(actions: number): void {
    for (const action of this.decide().slice(0, actions)) this.#carryOut(action);
  }

  decide(): Action[] {
    return this.#decision().plans.flatMap(({ actions }) => actions);
  }

  get wakeAt(): number | undefined {
    return this.#decision().wakeAt;
  }

  /** The gateway says that it is done with all that it may be asked about. */
  drain(): void {
    for (const instanceId of this.#decision().draining) this.drained.add(instanceId);
  }

  /** Assignments of a service, oldest first. */
  assigned(service: string): Assignment[] {
    return [...this.#assignments.values()].map(({ value }) => value).filter((value) => value.service === service);
  }

  /** The node reports every assignment of these services (all when none is named) as running and healthy, but for `changes`. */
  report(services: string[] = [], changes: Partial<ObservedInstance> = {}): void {
    for (const { value } of this.#assignments.values()) {
      if (services.length === 0 || services.includes(value.service)) this.reportOne(value, changes);
    }
  }

  reportOne(assignment: Assignment, changes: Partial<ObservedInstance> = {}): void {
    const key = instanceKey(assignment.node, assignment.instanceId);
    this.#put(this.#observed, key, observation(assignment, changes));
  }

  /** nats-server has restarted: what nodes reported was in its memory. */
  forgetObservations(): void {
    this.#observed.clear();
  }

  /** The node has removed everything that is no longer assigned. */
  sweep(): void {
    for (const key of this.#observed.keys()) if (!this.#assignments.has(key)) this.#observed.delete(key);
  }

  /** Lets the node report and sweep, and time pass, until nothing changes any more. */
  converge(): void {
    for (let round = 0; round < ENOUGH_ROUNDS; round++) {
      const acted = this.settle().length;
      this.report();
      this.sweep();
      const wakeAt = this.wakeAt;
      if (wakeAt !== undefined) this.now = Math.max(this.now, wakeAt);
      else if (acted === 0 && this.decide().length === 0) return;
    }
    throw new Error("the world does not come to rest");
  }

  #decision(): Decision {
    return decide({ snapshot: this.snapshot, drained: this.drained, node: NODE, now: this.now });
  }

  #put<Value>(bucket: Map<string, BucketEntry<Value>>, key: string, value: Value): void {
    bucket.set(key, { key, value, revision: ++this.#revision });
  }

  #carryOut(action: Action): void {
    this.done.push(action);
    switch (action.type) {
      case "create-assignment":
        if (this.#assignments.has(action.key)) throw new Error(`${action.key} is there already`);
        return this.#put(this.#assignments, action.key, action.assignment);
      case "change-assignment":
        return this.#put(this.#assignments, action.key, action.assignment);
      case "delete-assignment":
        return void this.#assignments.delete(action.key);
      case "write-route":
        return this.#put(this.#routes, action.key, action.entry);
      case "delete-route":
        return void this.#routes.delete(action.key);
      case "delete-project":
        return void this.#desired.delete(action.key);
      default:
        return undefined;
    }
  }
}
