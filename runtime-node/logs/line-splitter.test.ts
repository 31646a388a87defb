import { expect, test } from "vitest";
import { LINE_MAX_BYTES, LineSplitter } from "./line-splitter.ts";

test("cuts lines that come in pieces, and says where each ends", () => {
  const splitter = new LineSplitter(100);
  expect(splitter.push(Buffer.from("one\ntw"))).toEqual([{ text: "one", partial: false, end: 104 }]);
  expect(splitter.push(Buffer.from("o"))).toEqual([]);
  expect(splitter.push(Buffer.from("\n\nthree"))).toEqual([
    { text: "two", partial: false, end: 108 },
    { text: "", partial: false, end: 109 },
  ]);
  expect(splitter.flush()).toEqual([{ text: "three", partial: false, end: 114 }]);
  expect(splitter.flush()).toEqual([]);
});

test("a line over 16 KiB comes in parts, which together are the line", () => {
  const line = "ä".repeat(LINE_MAX_BYTES);
  const splitter = new LineSplitter();
  const bytes = Buffer.from(`x${line}\n`);
  const parts = [bytes.subarray(0, 20_000), bytes.subarray(20_000)].flatMap((chunk) => splitter.push(chunk));
  expect(parts.map(({ text }) => text).join("")).toBe(`x${line}`);
  expect(parts.map(({ partial }) => partial)).toEqual([true, true, false]);
});

test("a line of exactly 16 KiB comes whole", () => {
  const line = "x".repeat(LINE_MAX_BYTES);
  expect(new LineSplitter().push(Buffer.from(`${line}\n`))).toEqual([
    { text: line, partial: false, end: LINE_MAX_BYTES + 1 },
  ]);
});

test("bytes that are no UTF-8 are cut all the same", () => {
  const parts = new LineSplitter().push(Buffer.concat([Buffer.alloc(LINE_MAX_BYTES * 2, 0x80), Buffer.from("\n")]));
  expect(parts).toHaveLength(2);
});
