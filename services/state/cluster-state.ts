import type { Static, TSchema } from "typebox";
import { BUCKETS, type BucketDefinition } from "#contracts/buckets.ts";
import type { Assignment, ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import type { RouteEntry } from "#contracts/route.ts";
import type { Platform } from "#messaging/platform.ts";
import type { Log } from "./log.ts";
import { BucketView } from "./bucket-view.ts";
import type { Snapshot } from "./snapshot.ts";

/** The platform's four buckets, each kept in memory. One a process: what the API writes, the controller sees at once. */
export class ClusterState implements AsyncDisposable {
  readonly desired: BucketView<DesiredProject>;
  readonly assignments: BucketView<Assignment>;
  readonly observed: BucketView<ObservedInstance>;
  readonly routes: BucketView<RouteEntry>;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    views: Pick<ClusterState, "desired" | "assignments" | "observed" | "routes">,
    resources: AsyncDisposableStack,
  ) {
    this.desired = views.desired;
    this.assignments = views.assignments;
    this.observed = views.observed;
    this.routes = views.routes;
    this.#resources = resources;
  }

  /** Resolves when all of it is here. */
  static async open(platform: Platform, log: Log, signal: AbortSignal): Promise<ClusterState> {
    await using resources = new AsyncDisposableStack();
    const view = async <Schema extends TSchema>(
      definition: BucketDefinition<Schema>,
    ): Promise<BucketView<Static<Schema>>> =>
      resources.use(await BucketView.open(await platform.bucket(definition), log, signal));
    const views = {
      desired: await view(BUCKETS.desired),
      assignments: await view(BUCKETS.assignments),
      observed: await view(BUCKETS.observed),
      routes: await view(BUCKETS.routes),
    };
    return new ClusterState(views, resources.move());
  }

  snapshot(): Snapshot {
    return {
      desired: this.desired.entries(),
      assignments: this.assignments.entries(),
      observed: this.observed.entries(),
      routes: this.routes.entries(),
    };
  }

  /** Calls back after any change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    const views = [this.desired, this.assignments, this.observed, this.routes];
    const stops = views.map((view) => view.onChange(listener));
    return () => stops.forEach((stop) => stop());
  }

  /** Reads all buckets again: a watch is a hint. */
  async resync(): Promise<void> {
    await Promise.all([this.desired.resync(), this.assignments.resync(), this.observed.resync(), this.routes.resync()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
