import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { memoryEnvironment } from "./memory-environment.ts";

/**
 * Has all of libuv's threads allocate, and counts the arenas beside the main one: 64 MB each, aligned to that, of which the rest is not
 * accessible yet (malloc/arena.c, HEAP_MAX_SIZE).
 */
const COUNT_ARENAS = `
  const { pbkdf2, randomBytes } = require("node:crypto");
  const { readFile, readFileSync } = require("node:fs");
  const ARENA = 0x4000000n;
  let left = 64;
  const done = () => {
    if (--left > 0) return;
    const maps = [...readFileSync("/proc/self/maps", "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\\S+)/gm)];
    const ranges = maps.map(([, from, to, access]) => ({ from: BigInt("0x" + from), to: BigInt("0x" + to), access }));
    const isArena = ({ from, to, access }, next) =>
      access === "rw-p" && from % ARENA === 0n && next?.access === "---p" && next.from === to && next.to === from + ARENA;
    console.log(ranges.filter((range, index) => isArena(range, ranges[index + 1])).length);
  };
  for (let index = 0; index < 32; index++) {
    pbkdf2("a", randomBytes(9), 20_000, 64, "sha512", done);
    readFile("/proc/self/maps", done);
  }`;

const arenas = (env: NodeJS.ProcessEnv): number =>
  Number(execFileSync(process.execPath, ["-e", COUNT_ARENAS], { env: { ...env, UV_THREADPOOL_SIZE: "16" } }));

test("sixteen threads allocate in malloc's main arena and one other", () => {
  expect(arenas({})).toBeGreaterThan(2);
  expect(arenas(memoryEnvironment({}))).toBeLessThanOrEqual(1);
});

test("what the user set wins", () => {
  const { GOGC, MALLOC_ARENA_MAX, NODE_OPTIONS } = memoryEnvironment({
    GOGC: "100",
    MALLOC_ARENA_MAX: "8",
    NODE_OPTIONS: "--max-semi-space-size=16",
  });
  expect(GOGC).toBe("100");
  expect(MALLOC_ARENA_MAX).toBe("8");
  expect(NODE_OPTIONS).toBe("--max-semi-space-size=4 --expose-gc --max-semi-space-size=16");
});
