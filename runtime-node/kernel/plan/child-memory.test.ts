import { describe, expect, it } from "vitest";
import { HEADER, RECORD } from "../stub/stub.ts";
import { ChildMemory } from "./child-memory.ts";
import type { Step } from "./step.ts";

const step = (name: string, changes: Partial<Step> = {}): Step => ({ name, call: "getpid", args: [], ...changes });
const lay = (steps: Step[], results: [string, number][] = []): ChildMemory =>
  new ChildMemory(steps, new Map(results), "x64");

/** A word of a record, as the stub would read it. */
function word(memory: ChildMemory, index: number, offset: number): number {
  const { view, address } = memory.arena;
  const first = Number(view.getBigInt64(HEADER.firstRecord, true)) - address;
  return Number(view.getBigInt64(first + index * RECORD.size + offset, true));
}
const at = (memory: ChildMemory, address: number): number => address - memory.arena.address;
const wordAt = (memory: ChildMemory, address: number): number =>
  Number(memory.arena.view.getBigInt64(at(memory, address), true));

describe("a child's steps in memory", () => {
  it("are records of the call's number and its arguments, in order", () => {
    using memory = lay([step("a", { args: [7, { flags: ["O_RDWR", "O_CLOEXEC"] }, null] }), step("b", { call: "setsid" })]);
    expect(word(memory, 0, RECORD.number)).toBe(39);
    expect([0, 8, 16].map((offset) => word(memory, 0, RECORD.arguments + offset))).toEqual([7, 0o2000002, 0]);
    expect(word(memory, 1, RECORD.number)).toBe(112);
  });

  it("use an architecture's own numbers", () => {
    using memory = new ChildMemory([step("a")], new Map(), "arm64");
    expect(word(memory, 0, RECORD.number)).toBe(172);
  });

  it("hold strings and lists of strings by address, ended as execve(2) wants them", () => {
    using memory = lay([step("exec", { call: "execve", args: ["/bin/é", { strings: ["a", ""] }, { strings: [] }] })]);
    const [path = 0, argv = 0, envp = 0] = [0, 8, 16].map((offset) => word(memory, 0, RECORD.arguments + offset));
    const text = (address: number): string => memory.arena.bytes.toString("utf8", at(memory, address)).split("\0")[0] ?? "";
    expect(text(path)).toBe("/bin/é");
    expect([text(wordAt(memory, argv)), text(wordAt(memory, argv + 8)), wordAt(memory, argv + 16)]).toEqual(["a", "", 0]);
    expect(wordAt(memory, envp)).toBe(0);
  });

  it("have a host step's result in place, and a list of the places that wait for a child step's", () => {
    using memory = lay(
      [
        step("open"),
        step("one", { args: [{ result: "open" }] }),
        step("two", { args: [{ words: [1, { result: "open" }] }, { result: "fd" }] }),
      ],
      [["fd", 33]],
    );
    expect(word(memory, 2, RECORD.arguments + 8)).toBe(33);
    const stores = word(memory, 0, RECORD.stores);
    const places = [wordAt(memory, stores), wordAt(memory, stores + 8)];
    const struct = word(memory, 2, RECORD.arguments);
    const first = Number(memory.arena.view.getBigInt64(HEADER.firstRecord, true));
    expect(new Set(places)).toEqual(new Set([first + RECORD.size + RECORD.arguments, struct + 8]));
    expect(wordAt(memory, stores + 16)).toBe(0);
  });

  it("say what is good, what is tolerated and where a branch leads", () => {
    using memory = lay([step("a", { atLeast: 1, tolerate: ["EEXIST", "EROFS"], branch: "c" }), step("b"), step("c")]);
    expect(word(memory, 0, RECORD.atLeast)).toBe(1);
    const tolerated = word(memory, 0, RECORD.tolerated);
    expect([0, 8, 16].map((offset) => wordAt(memory, tolerated + offset))).toEqual([-17, -30, 0]);
    const first = Number(memory.arena.view.getBigInt64(HEADER.firstRecord, true));
    expect(word(memory, 0, RECORD.branch)).toBe(first + 2 * RECORD.size);
    expect([word(memory, 1, RECORD.tolerated), word(memory, 1, RECORD.branch)]).toEqual([0, 0]);
  });

  it("have room for a plan of a megabyte of text", () => {
    const strings = Array.from({ length: 20_000 }, (_, index) => `NAME_${index}=${"x".repeat(40)}`);
    using memory = lay([step("exec", { call: "execve", args: ["/x", { strings: ["x"] }, { strings }] })]);
    memory.writeCloneArguments(0, 17, undefined);
    expect(memory.arena.byteLength).toBeGreaterThan(1 << 20);
  });

  it("are not reached before there is a child", () => {
    using memory = lay([step("a"), step("b")]);
    expect(memory.outcomes()).toEqual(Array.from({ length: 2 }, () => ({ result: null, microseconds: null })));
    expect([memory.pid, memory.cloneResult, memory.failedStep]).toEqual([0, undefined, undefined]);
  });

  it.each<[string, Step[], string]>([
    [
      "a result that no step before has",
      [step("use", { args: [{ result: "open" }] }), step("open")],
      'no step before its use is named "open"',
    ],
    ["a result of itself", [step("open", { args: [{ result: "open" }] })], 'named "open"'],
    ["a branch to nowhere", [step("a", { branch: "z" })], '"a" branches to "z", which is no step'],
    ["a text with a NUL", [step("a", { args: ["x\0y"] })], "holds a NUL byte"],
  ])("are refused with %s", (_, steps, message) => {
    expect(() => lay(steps)).toThrow(message);
  });

  it("are refused with a call that the architecture lacks", () => {
    expect(() => new ChildMemory([step("a", { call: "mkdir" })], new Map(), "arm64")).toThrow(
      "mkdir does not exist on arm64",
    );
  });
});
