import { setTimeout as delay } from "node:timers/promises";
import type { TestPlatform } from "#test/e2e/platform.ts";
import { compareSnapshots, type Snapshot } from "#test/machine/snapshot.ts";
import { takeHoldings } from "./holdings.ts";

const RETRY_MS = 250;
/** The kernel takes namespaces apart after their last user, revocations are pushed in batches, kept connections time out. */
const SETTLE_MS = 60_000;

/** Waits until a platform holds no more than before; what it still does when the time is over. */
export async function untilSameHoldings(platform: TestPlatform, before: Snapshot): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const more = await takeHoldings(platform).then((now) => compareSnapshots(before, now));
    const left = more.filter(({ kind }) => kind === "left").map(({ inventory, what }) => `${inventory}: ${what}`);
    if (left.length === 0 || performance.now() > deadline) return left;
    await delay(RETRY_MS);
  }
}
