import { describe, expect, it } from "vitest";
import { formatStep } from "./format-step.ts";
import type { HostStep, Step, StepArgument } from "./step.ts";

const call = (...args: StepArgument[]): Step => ({ name: "x", call: "mount", args });

describe("a step in strace's notation", () => {
  it.each<[string, StepArgument, string]>([
    ["text is quoted", 'a"b\n', String.raw`"a\"b\n"`],
    ["nothing is NULL", null, "NULL"],
    ["a small number is decimal", 1000, "1000"],
    ["a large one is an address or a mask", 0xffffffff, "0xffffffff"],
    ["flags are named", { flags: ["MS_BIND", "MS_REC"] }, "MS_BIND|MS_REC"],
    ["no flag is 0", { flags: [] }, "0"],
    ["an earlier step's result is its name", { result: "mount proc" }, "<mount proc>"],
    ["bytes are counted", { bytes: "AAAA" }, "{3 bytes}"],
    ["bytes with a label show that", { bytes: "AAAA", label: "{SIG_DFL}" }, "{SIG_DFL}"],
    ["a struct is its words", { words: [1, { flags: ["MS_BIND"] }, { result: "fd" }] }, "{1, MS_BIND, <fd>}"],
    ["a list is its strings", { strings: ["sh", "-c"] }, '["sh", "-c"]'],
    ["a long list is cut", { strings: Array.from("123456789") }, '["1", "2", "3", "4", "5", "6", "7", "8", …]'],
    ["a pid to come is shown as one", { withPid: "/proc/{pid}/ns" }, '"/proc/{pid}/ns"'],
  ])("%s", (_, argument, shown) => {
    expect(formatStep(call(argument))).toBe(`mount(${shown})`);
  });

  it("separates arguments as strace does", () => {
    expect(formatStep(call("a", 1, null))).toBe('mount("a", 1, NULL)');
  });

  it.each<[string, HostStep, string]>([
    [
      "a file that is written",
      { kind: "write", name: "x", path: "/proc/{pid}/uid_map", text: "é\n" },
      String.raw`write(</proc/{pid}/uid_map>, "é\n", 3)`,
    ],
    ["a pidfd", { kind: "pidfd", name: "x", child: "c1" }, 'pidfd("c1")'],
    [
      "a user namespace",
      { kind: "user-namespace", name: "x", map: { uid: [{ inside: 0, outside: 9, count: 2 }], gid: [] } },
      'user_namespace({uid_map="0 9 2", gid_map=""})',
    ],
  ])("shows %s, which is more than one call", (_, step, shown) => {
    expect(formatStep(step)).toBe(shown);
  });
});
