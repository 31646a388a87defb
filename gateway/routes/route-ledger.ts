import type { RouteEntry } from "#contracts/route.ts";
import type { BucketChange, BucketEntry } from "#messaging/platform.ts";

interface Line {
  revision: number;
  /** Undefined: deleted. Kept until the next listing, so that an older listing cannot bring it back. */
  entry: RouteEntry | undefined;
}

/** What the bucket holds, put together from a watch and from full listings that may be older or newer than it. */
export class RouteLedger {
  readonly #lines = new Map<string, Line>();
  #newestRevision = 0;

  /** Takes one change of the watch; false when it is not news. */
  apply(change: Exclude<BucketChange<RouteEntry>, { type: "current" }>): boolean {
    this.reach(change.revision);
    const known = this.#lines.get(change.key);
    if (known !== undefined && known.revision >= change.revision) return false;
    this.#lines.set(change.key, {
      revision: change.revision,
      entry: change.type === "put" ? change.value : undefined,
    });
    return true;
  }

  /** The newest revision seen: take it before a listing is asked for, and give it to {@link reconcile}. */
  get newestRevision(): number {
    return this.#newestRevision;
  }

  /** Everything up to this revision is in here, deletions of keys that were never seen included. */
  reach(revision: number): void {
    this.#newestRevision = Math.max(this.#newestRevision, revision);
  }

  /**
   * Takes a full listing that was asked for when `askedAt` was the newest revision. A key that it lacks is gone, unless the
   * watch has brought it since. Returns whether anything changed.
   */
  reconcile(listing: readonly BucketEntry<RouteEntry>[], askedAt: number): boolean {
    let changed = false;
    const listed = new Set<string>();
    for (const { key, value, revision } of listing) {
      listed.add(key);
      changed = this.apply({ type: "put", key, value, revision }) || changed;
    }
    for (const [key, line] of this.#lines) {
      if (listed.has(key) || line.revision > askedAt) continue;
      changed = line.entry !== undefined || changed;
      this.#lines.delete(key);
    }
    return changed;
  }

  entries(): RouteEntry[] {
    return [...this.#lines.values()].flatMap((line) => (line.entry === undefined ? [] : [line.entry]));
  }
}
