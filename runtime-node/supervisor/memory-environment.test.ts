import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { memoryEnvironment } from "./memory-environment.ts";

/** Has all of libuv's threads allocate, and counts the arenas beside the main one: 64 MB each, aligned to that (malloc/arena.c, HEAP_MAX_SIZE). */
const COUNT_ARENAS = `
  const { pbkdf2, randomBytes } = require("node:crypto");
  let left = 64;
  const done = () => {
    if (--left > 0) return;
    const starts = require("node:fs").readFileSync("/proc/self/maps", "utf8").split("\\n").map((line) => line.split("-")[0]);
    console.log(starts.filter((start) => start !== "" && BigInt("0x" + start) % 0x4000000n === 0n).length);
  };
  for (let index = 0; index < 32; index++) {
    pbkdf2("a", randomBytes(9), 50_000, 64, "sha512", done);
    require("node:fs").readFile("/proc/self/maps", done);
  }`;

const arenas = (env: NodeJS.ProcessEnv): number =>
  Number(execFileSync(process.execPath, ["-e", COUNT_ARENAS], { env: { ...env, UV_THREADPOOL_SIZE: "16" } }));

test("sixteen threads allocate in malloc's main arena and one other", () => {
  expect(arenas({})).toBeGreaterThan(2);
  expect(arenas(memoryEnvironment({}))).toBeLessThanOrEqual(1);
});

test("what the user set wins", () => {
  const { MALLOC_ARENA_MAX, NODE_OPTIONS } = memoryEnvironment({
    MALLOC_ARENA_MAX: "8",
    NODE_OPTIONS: "--max-semi-space-size=16",
  });
  expect(MALLOC_ARENA_MAX).toBe("8");
  expect(NODE_OPTIONS).toBe("--max-semi-space-size=4 --max-semi-space-size=16");
});
