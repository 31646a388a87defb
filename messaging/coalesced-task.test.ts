import { expect, test } from "vitest";
import { CoalescedTask } from "./coalesced-task.ts";

test("who asks while it runs shares one more run, which sees everything asked for", async () => {
  const asked: string[] = [];
  const seen: string[][] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const task = new CoalescedTask(async () => {
    seen.push([...asked]);
    await gates[seen.length - 1]?.promise;
  });
  asked.push("a");
  const first = task.run();
  asked.push("b");
  const second = task.run();
  asked.push("c");
  const third = task.run();
  gates[0]!.resolve();
  await first;
  gates[1]!.resolve();
  await Promise.all([second, third]);
  expect(seen).toEqual([["a"], ["a", "b", "c"]]);
});

test("a failed run fails who asked for it and not the next", async () => {
  let runs = 0;
  const task = new CoalescedTask(async () => {
    runs++;
    if (runs === 1) throw new Error("first");
  });
  const [first, second] = await Promise.allSettled([task.run(), task.run()]);
  expect([first?.status, second?.status]).toEqual(["rejected", "fulfilled"]);
  await task.idle();
});
