import { describe, expect, it } from "vitest";
import { Wakeup } from "./wakeup.ts";

const never = new AbortController().signal;

describe("a wakeup", () => {
  it("remembers one ring of many until somebody waits", async () => {
    const wakeup = new Wakeup();
    wakeup.ring();
    wakeup.ring();
    await wakeup.wait(undefined, never);
    const slept = wakeup.wait(20, never).then(() => "slept");
    expect(await Promise.race([slept, Promise.resolve("woken at once")])).toBe("woken at once");
    expect(await slept).toBe("slept");
  });

  it("wakes who sleeps", async () => {
    const wakeup = new Wakeup();
    const woken = wakeup.wait(undefined, never);
    wakeup.ring();
    await woken;
  });

  it("wakes once for rings that follow each other in one turn", async () => {
    const wakeup = new Wakeup();
    const woken = wakeup.wait(undefined, never);
    for (let ring = 0; ring < 20; ring++) {
      wakeup.ring();
      await Promise.resolve();
    }
    await woken;
    const start = performance.now();
    await wakeup.wait(30, never);
    expect(performance.now() - start).toBeGreaterThan(25);
  });

  it("wakes after its time, and at once for a time that is over", async () => {
    const wakeup = new Wakeup();
    const start = performance.now();
    await wakeup.wait(-1_000, never);
    await wakeup.wait(30, never);
    expect(performance.now() - start).toBeGreaterThan(25);
  });

  it("wakes when the signal aborts, before or while it sleeps", async () => {
    const wakeup = new Wakeup();
    const abort = new AbortController();
    const woken = wakeup.wait(undefined, abort.signal);
    abort.abort();
    await woken;
    await wakeup.wait(undefined, abort.signal);
  });
});
