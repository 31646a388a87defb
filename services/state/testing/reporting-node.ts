import { BUCKETS } from "#contracts/buckets.ts";
import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { Bucket, Platform } from "#messaging/platform.ts";
import { observation } from "./observation.ts";

/** How a node in a test lets an instance fare; what is left out is as in a container that runs well. */
export type Fate = (assignment: Assignment) => Partial<ObservedInstance>;

/**
 * A node without containers: it follows its assignments and reports at once what becomes of them. It speaks to the platform as an
 * agent does, and keeps as little.
 */
export class ReportingNode implements AsyncDisposable {
  /** Every instance it was ever asked for, in order. */
  readonly seen: Assignment[] = [];
  readonly #name: string;
  readonly #assignments: Bucket<Assignment>;
  readonly #observed: Bucket<ObservedInstance>;
  readonly #present = new Map<string, Assignment>();
  readonly #closing = new AbortController();
  readonly #following: Promise<void>;
  #fate: Fate = () => ({});

  private constructor(name: string, assignments: Bucket<Assignment>, observed: Bucket<ObservedInstance>) {
    this.#name = name;
    this.#assignments = assignments;
    this.#observed = observed;
    this.#following = this.#follow();
  }

  static async start(platform: Platform, name: string): Promise<ReportingNode> {
    return new ReportingNode(name, await platform.bucket(BUCKETS.assignments), await platform.bucket(BUCKETS.observed));
  }

  /** From now on instances fare like this; those that are there are reported again. */
  async decree(fate: Fate): Promise<void> {
    this.#fate = fate;
    for (const [key, assignment] of this.#present) await this.#report(key, assignment);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    for await (const change of this.#assignments.watch({ filter: `${this.#name}.*`, signal })) {
      if (change.type === "put") {
        if (!this.#present.has(change.key)) this.seen.push(change.value);
        this.#present.set(change.key, change.value);
        await this.#report(change.key, change.value);
      } else if (change.type === "delete") {
        this.#present.delete(change.key);
        await this.#observed.delete(change.key);
      }
    }
  }

  async #report(key: string, assignment: Assignment): Promise<void> {
    const stopped = assignment.desired === "stopped" ? ({ state: "exited", exitCode: 143 } as const) : {};
    await this.#observed.put(key, observation(assignment, { ...this.#fate(assignment), ...stopped }));
  }
}
