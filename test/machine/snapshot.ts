import { setTimeout as delay } from "node:timers/promises";
import { INVENTORIES } from "./inventories.ts";

/** What the machine had at one moment: the lines of each inventory. */
export type Snapshot = ReadonlyMap<string, ReadonlySet<string>>;

export interface Difference {
  inventory: string;
  /** left: there now and not before. gone: was there before, and not ours to take. */
  kind: "left" | "gone";
  what: string;
}

export async function takeSnapshot(): Promise<Snapshot> {
  const read = INVENTORIES.map(async (inventory) => [inventory.name, new Set(await inventory.read())] as const);
  return new Map(await Promise.all(read));
}

/** Every difference, in the order of the inventories. */
export function compareSnapshots(before: Snapshot, after: Snapshot): Difference[] {
  return [...after].flatMap(([inventory, now]) => {
    const then = before.get(inventory) ?? new Set<string>();
    const left = [...now].filter((what) => !then.has(what)).map((what) => ({ inventory, kind: "left" as const, what }));
    const gone = [...then].filter((what) => !now.has(what)).map((what) => ({ inventory, kind: "gone" as const, what }));
    return [...left, ...gone];
  });
}

const RETRY_MS = 250;

/**
 * Compares the machine with a snapshot until nothing differs or the time is over: the kernel takes network namespaces and
 * cgroups apart after their last user is gone, and tells nobody when it is done.
 */
export async function awaitSameMachine(before: Snapshot, timeoutMs: number): Promise<Difference[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const differences = compareSnapshots(before, await takeSnapshot());
    if (differences.length === 0 || performance.now() > deadline) return differences;
    await delay(RETRY_MS);
  }
}
