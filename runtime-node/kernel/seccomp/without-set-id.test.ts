import { describe, expect, it } from "vitest";
import { AUDIT_ARCHITECTURES } from "./call-numbers.ts";
import { runFilter } from "./bpf-interpreter.ts";
import { compileSeccomp } from "./compile.ts";
import { DOCKER_DEFAULT_POLICY } from "./docker-default.ts";
import { withoutSetIdFiles } from "./without-set-id.ts";

const target = { architecture: "x64", capabilities: ["FSETID"] } as const;
const filter = compileSeccomp(withoutSetIdFiles(DOCKER_DEFAULT_POLICY), target);
const before = compileSeccomp(DOCKER_DEFAULT_POLICY, target);
const [audit] = AUDIT_ARCHITECTURES.x64;
const RET_ALLOW = 0x7fff_0000;
const errno = (number: number): number => 0x0005_0000 + number;
const EPERM = errno(1);
const ENOSYS = errno(38);
const O_CREAT = 0o100n;
const O_TMPFILE = 0o20200000n;
const GARBAGE = 0o7777n;

const verdict = (program: Uint8Array, name: string, ...args: bigint[]): number =>
  runFilter(program, {
    architecture: audit!.token,
    number: audit!.tables[0]!.get(name)!,
    arguments: [...args, 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6),
  });

describe("a container that writes to a directory of the host", () => {
  it.each<[string, bigint[]]>([
    ["chmod", [0n, 0o4755n]],
    ["chmod", [0n, 0o2755n]],
    ["fchmod", [3n, 0o6755n]],
    ["fchmodat", [3n, 0n, 0o4000n]],
    ["fchmodat2", [3n, 0n, 0o4000n, 0n]],
    ["mknod", [0n, 0o104755n, 0n]],
    ["mknodat", [3n, 0n, 0o102755n, 0n]],
    ["creat", [0n, 0o4755n]],
    ["open", [0n, O_CREAT, 0o4755n]],
    ["openat", [3n, 0n, O_CREAT | 1n, 0o2755n]],
    ["openat", [3n, 0n, O_TMPFILE, 0o4755n]],
  ])("is refused %s with a set-id mode, which the default policy allows", (name, args) => {
    expect(verdict(filter, name, ...args)).toBe(EPERM);
    expect(verdict(before, name, ...args)).toBe(RET_ALLOW);
  });

  it.each<[string, bigint[]]>([
    ["chmod", [0n, 0o1777n]],
    ["fchmodat", [3n, 0n, 0o755n]],
    ["open", [0n, 0n, GARBAGE]],
    ["openat", [3n, 0n, 0n, GARBAGE]],
    ["openat", [3n, 0n, O_CREAT, 0o644n]],
  ])("may %s otherwise, also where a mode that is not looked at holds anything", (name, args) => {
    expect(verdict(filter, name, ...args)).toBe(RET_ALLOW);
  });

  it("is told that there is no openat2, whose mode a filter cannot read", () => {
    expect(verdict(filter, "openat2")).toBe(ENOSYS);
  });
});
