import { BUCKETS } from "#contracts/buckets.ts";
import type { Assignment } from "#contracts/instance.ts";
import type { BucketChange, Platform } from "#messaging/platform.ts";
import { containerError } from "../container/errors.ts";
import { chooseIdBase } from "../container/id-map.ts";
import { Instance } from "../container/instance.ts";
import { InstanceFolder, type InstanceRecord } from "../container/instance-record.ts";
import type { NodeServices } from "../container/node-services.ts";
import type { ObservedReporter } from "./observed-reporter.ts";
import { removeExecStreams } from "./strays.ts";

/**
 * The instances of one node, held to their assignments. Recovered from their records before NATS is even connected: a node goes
 * on, restarts and heals its containers by itself.
 */
export class NodeAgent {
  readonly #services: NodeServices;
  readonly #reporter: ObservedReporter;
  readonly #instances = new Map<string, Instance>();
  readonly #removals = new Map<string, Promise<void>>();
  readonly #successors = new Map<string, Assignment>();
  readonly #arrivals = new Map<string, PromiseWithResolvers<void>>();

  readonly #listeners = new Set<() => void>();

  constructor(services: NodeServices, reporter: ObservedReporter) {
    this.#services = services;
    this.#reporter = reporter;
  }

  get instances(): Instance[] {
    return [...this.#instances.values()];
  }

  find(instanceId: string): Instance | undefined {
    return this.#instances.get(instanceId);
  }

  /** The instance, waiting up to `waitMs` for its assignment to arrive. */
  async await(instanceId: string, waitMs: number): Promise<Instance | undefined> {
    const arrival = this.#arrivals.get(instanceId) ?? Promise.withResolvers<void>();
    this.#arrivals.set(instanceId, arrival);
    if (this.#instances.has(instanceId)) arrival.resolve();
    const timer = setTimeout(arrival.resolve, waitMs);
    await arrival.promise;
    clearTimeout(timer);
    this.#arrivals.delete(instanceId);
    return this.#instances.get(instanceId);
  }

  /** Whether an instance of this node was made from this image. */
  usesImage(digest: string): boolean {
    return this.instances.some(({ observed }) => observed.imageDigest === digest);
  }

  /** Calls back whenever an instance has come, until disposed. */
  onArrival(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Goes on with every instance that a former agent had. */
  async recover(records: readonly InstanceRecord[]): Promise<void> {
    await removeExecStreams(this.#services.home.run);
    const recovering = records.map(async (record) => {
      const instance = this.#hold(record);
      await instance.recover();
    });
    await Promise.all(recovering);
  }

  /** Follows the assignments until the signal aborts. */
  async follow(platform: Platform, signal: AbortSignal): Promise<void> {
    const bucket = await platform.bucket(BUCKETS.assignments);
    const seen = new Set<string>();
    let current = false;
    for await (const change of bucket.watch({ filter: `${this.#services.node}.*`, signal })) {
      if (change.type === "current") {
        current = true;
        for (const instanceId of this.#instances.keys()) if (!seen.has(instanceId)) this.#remove(instanceId);
        continue;
      }
      if (!current && change.type === "put") seen.add(change.value.instanceId);
      await this.#apply(change).catch((error: unknown) =>
        console.error(`the assignment ${change.key} is not followed:`, error),
      );
    }
  }

  /** Stops every container, as `slipway server --stop-containers` asks; what is desired stays. */
  async stopAll(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.halt()));
  }

  /** Lets go of everything; containers run on. */
  async leave(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.leave()));
  }

  async #apply(change: Exclude<BucketChange<Assignment>, { type: "current" }>): Promise<void> {
    if (change.type === "delete") {
      const instanceId = change.key.slice(change.key.indexOf(".") + 1);
      this.#successors.delete(instanceId);
      return this.#remove(instanceId);
    }
    await this.#assign(change.value);
  }

  async #assign(assignment: Assignment): Promise<void> {
    // Ids are derived from what an instance is: the same may be wanted again while the old one is taken apart.
    if (this.#removals.has(assignment.instanceId)) {
      this.#successors.set(assignment.instanceId, assignment);
      return;
    }
    const existing = this.#instances.get(assignment.instanceId);
    if (existing !== undefined) return existing.assign(assignment);
    const instance = this.#hold(this.#newRecord(assignment));
    instance.begin();
    this.#arrivals.get(assignment.instanceId)?.resolve();
    for (const listener of this.#listeners) listener();
  }

  #hold(record: InstanceRecord): Instance {
    const instance = new Instance(this.#services, record, (observed) => this.#reporter.put(observed));
    this.#instances.set(record.assignment.instanceId, instance);
    this.#reporter.put(instance.observed);
    return instance;
  }

  #newRecord(assignment: Assignment): InstanceRecord {
    const taken = new Set(this.instances.map(({ idBase }) => idBase));
    const idBase = chooseIdBase(taken);
    if (idBase === undefined) {
      throw containerError(
        "SLIPWAY_CONTAINER_IDS_EXHAUSTED",
        `${taken.size} instances use all ranges of user ids there are`,
      );
    }
    return {
      assignment,
      idBase,
      lifecycle: { type: "new" },
      imageDigest: null,
      imageDefaults: {},
      addresses: {},
      ports: [],
      process: null,
    };
  }

  /** Takes an instance apart beside whatever else happens; its id is free when nothing is left of it. */
  #remove(instanceId: string): void {
    const instance = this.#instances.get(instanceId);
    if (instance === undefined || this.#removals.has(instanceId)) return;
    const removal = instance.remove().then(async () => {
      this.#instances.delete(instanceId);
      this.#removals.delete(instanceId);
      this.#reporter.remove(instanceId);
      const successor = this.#successors.get(instanceId);
      this.#successors.delete(instanceId);
      if (successor !== undefined) await this.#assign(successor);
    });
    removal.catch((error: unknown) => console.error(`${instance.assignment.name} could not be removed:`, error));
    this.#removals.set(instanceId, removal);
  }
}

export const readRecords = (services: NodeServices): Promise<InstanceRecord[]> => InstanceFolder.readAll(services.home);
