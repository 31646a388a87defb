import { expect, it } from "vitest";
import { giveBackArena, takeArena } from "./arena-pool.ts";

it("an arena that was used before is zeros, and empty", () => {
  const first = takeArena(1000);
  const secret = first.reserve(16);
  first.bytes.write("PASSWORD=hunter2", secret);
  first.rewind();
  first.reserve(8);
  giveBackArena(first);
  expect(first.bytes.subarray(0, 64).every((byte) => byte === 0)).toBe(true);
  const second = takeArena(1000);
  expect(second).toBe(first);
  expect(second.reserve(8)).toBe(0);
  giveBackArena(second);
});

it("an arena that is larger than what is kept has the room, and is unmapped when it is given back", () => {
  const large = takeArena(1_000_000);
  expect(large.byteLength).toBeGreaterThanOrEqual(1_000_000);
  giveBackArena(large);
  const next = takeArena(1_000_000);
  expect(next).not.toBe(large);
  giveBackArena(next);
});

it("words are exact over all that a plan writes: negative numbers, flags past 32 bits, addresses", () => {
  const arena = takeArena(1000);
  for (const value of [0, -1, -100, 0xffffffff, 0x1_0000_0200, 0x7fff_ffff_f000, -(2 ** 63)]) {
    const offset = arena.reserve(8);
    arena.setWord(offset, value);
    expect(Number(arena.view.getBigInt64(offset, true))).toBe(value);
    expect(arena.word(offset)).toBe(value);
  }
  giveBackArena(arena);
});
