import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const MODULE = join(import.meta.dirname, "collect-when-quiet.ts");
const GARBAGE_BYTES = 20 * 1024 * 1024;

interface Heap {
  isCollected: boolean;
  /** The room that V8 took for it. */
  totalBytes: number;
}

/** The heap of a process that made garbage, then did `meanwhile` until it was collected, or for so long. */
function heapAfter(meanwhile: string, withinMs: number): Heap {
  const script = `
    import { collectWhenQuiet } from ${JSON.stringify(MODULE)};
    let garbage = Array.from({ length: 200_000 }, (_, index) => ({ index, text: "some " + index }));
    garbage = undefined;
    const say = (isCollected) => {
      console.log(JSON.stringify({ isCollected, totalBytes: process.memoryUsage().heapTotal }));
      process.exit();
    };
    collectWhenQuiet({ lookEveryMs: 200, onCollected: () => say(true) });
    setTimeout(() => say(false), ${withinMs});
    ${meanwhile}`;
  const args = ["--expose-gc", "--input-type=module", "-e", script];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Heap;
}

test("a process that has nothing to do gives its garbage back", () => {
  const { isCollected, totalBytes } = heapAfter("", 20_000);
  expect(isCollected).toBe(true);
  expect(totalBytes).toBeLessThan(heapAfter("", 0).totalBytes - GARBAGE_BYTES / 2);
});

test("one that computes is not held up", () => {
  const busy = "setInterval(() => { const until = performance.now() + 20; while (performance.now() < until); }, 20);";
  expect(heapAfter(busy, 1_500).isCollected).toBe(false);
});
