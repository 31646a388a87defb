import { describe, expect, it } from "vitest";
import { type CapabilityName, DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { ERRNO } from "../errno.ts";
import { SYSCALL_NUMBERS } from "../syscall-numbers.ts";
import { type FilteredCall, runFilter } from "./bpf-interpreter.ts";
import { AUDIT_ARCHITECTURES } from "./call-numbers.ts";
import { compileSeccomp } from "./compile.ts";
import { DOCKER_DEFAULT_POLICY } from "./docker-default.ts";
import type { ArgumentOperator, SeccompPolicy } from "./policy.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const ALLOW = 0x7fff0000;
const EPERM = 0x50000 + ERRNO.EPERM;
const ENOSYS = 0x50000 + ERRNO.ENOSYS;
const KILL_PROCESS = 0x80000000;

const docker = (capabilities = DEFAULT_CAPABILITIES) =>
  compileSeccomp(DOCKER_DEFAULT_POLICY, { architecture: "x64", capabilities });
const call = (number: number, ...args: bigint[]): FilteredCall => ({ architecture: X86_64, number, arguments: args });

describe("Docker's default policy, compiled", () => {
  it("tells a call that is denied from one that is newer than the policy, and from a number that is no call", () => {
    const filter = docker();
    expect(runFilter(filter, call(SYSCALL_NUMBERS.read[0]))).toBe(ALLOW);
    expect(runFilter(filter, call(SYSCALL_NUMBERS.mount[0]))).toBe(EPERM);
    expect(runFilter(filter, call(SYSCALL_NUMBERS.file_getattr[0]))).toBe(ENOSYS);
    for (const number of [400, 9999, 0x7fffffff, 0xffffffff]) expect(runFilter(filter, call(number))).toBe(ENOSYS);
  });

  it("answers clone3 with ENOSYS, so that libc falls back to clone, unless SYS_ADMIN is held", () => {
    expect(runFilter(docker(), call(SYSCALL_NUMBERS.clone3[0]))).toBe(ENOSYS);
    expect(runFilter(docker(["SYS_ADMIN"]), call(SYSCALL_NUMBERS.clone3[0]))).toBe(ALLOW);
  });

  it("is not talked past by garbage in the upper half of an int argument", () => {
    const [socket] = SYSCALL_NUMBERS.socket;
    for (const family of [38n, 40n]) {
      expect(runFilter(docker(), call(socket, family))).toBe(EPERM);
      expect(runFilter(docker(), call(socket, family + (1n << 32n)))).toBe(EPERM);
    }
    for (const family of [2n, 37n, 39n, 41n]) expect(runFilter(docker(), call(socket, family))).toBe(ALLOW);
  });

  it("kills a process that calls as an instruction set the node does not have", () => {
    expect(runFilter(docker(), { architecture: 0xc00000b7, number: SYSCALL_NUMBERS.read[1] })).toBe(KILL_PROCESS);
    expect(runFilter(docker(), { architecture: I386, number: 3 })).toBe(ALLOW);
  });

  it("names only calls that some supported instruction set has", () => {
    const existing = new Set(
      Object.values(AUDIT_ARCHITECTURES).flatMap((audits) =>
        audits.flatMap(({ tables }) => tables.flatMap((table) => [...table.keys()])),
      ),
    );
    const named = DOCKER_DEFAULT_POLICY.rules.flatMap((rule) => rule.names);
    expect(named.filter((name) => !existing.has(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(400);
  });
});

describe("a rule's condition", () => {
  it("is decided when the filter is made, by the capabilities held and the node's instruction set", () => {
    const policy: SeccompPolicy = {
      ...DOCKER_DEFAULT_POLICY,
      rules: [
        { names: ["read"], action: "allow", when: { capability: "SYS_TIME" } },
        { names: ["write"], action: "allow", when: { withoutCapability: "SYS_TIME" } },
        { names: ["close"], action: "allow", when: { architectures: ["arm64"] } },
      ],
    };
    const answers = (capabilities: readonly CapabilityName[]) =>
      [SYSCALL_NUMBERS.read[0], SYSCALL_NUMBERS.write[0], SYSCALL_NUMBERS.close[0]].map((number) =>
        runFilter(compileSeccomp(policy, { architecture: "x64", capabilities }), call(number)),
      );
    expect(answers(["SYS_TIME"])).toEqual([ALLOW, EPERM, EPERM]);
    expect(answers(["SYS_ADMIN"])).toEqual([EPERM, ALLOW, EPERM]);
  });
});

describe("an argument condition", () => {
  const VALUES = [
    0n,
    1n,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
    1n << 32n,
    (1n << 32n) + 1n,
    (5n << 32n) + 7n,
    (1n << 64n) - 1n,
  ];
  const MEANINGS: Record<ArgumentOperator, (argument: bigint, value: bigint) => boolean> = {
    eq: (a, b) => a === b,
    ne: (a, b) => a !== b,
    lt: (a, b) => a < b,
    le: (a, b) => a <= b,
    gt: (a, b) => a > b,
    ge: (a, b) => a >= b,
    "masked-eq": (a, b) => (a & MASK) === b,
  };
  const MASK = (6n << 32n) | 3n;

  const filterOf = (operator: ArgumentOperator, value: bigint, bits: 32 | 64): Uint8Array => {
    const policy: SeccompPolicy = {
      ...DOCKER_DEFAULT_POLICY,
      rules: [{ names: ["read"], action: "allow", arguments: [{ index: 2, operator, value, mask: MASK, bits }] }],
    };
    return compileSeccomp(policy, { architecture: "x64", capabilities: [] });
  };

  it.each(Object.entries(MEANINGS))("%s means what it says, on 64 bits and on the lower 32", (name, means) => {
    const operator = name as ArgumentOperator;
    for (const value of VALUES) {
      for (const argument of VALUES) {
        const seen = runFilter(filterOf(operator, value, 64), call(0, 9n, 9n, argument));
        expect([value, argument, seen]).toEqual([value, argument, means(argument, value) ? ALLOW : EPERM]);
        if (operator === "masked-eq" || value > 0xffffffffn) continue;
        const lower = runFilter(filterOf(operator, value, 32), call(0, 9n, 9n, argument));
        expect(lower).toBe(means(BigInt.asUintN(32, argument), value) ? ALLOW : EPERM);
      }
    }
  });

  it("must hold together with the rule's others; the first rule that matches decides", () => {
    const policy: SeccompPolicy = {
      ...DOCKER_DEFAULT_POLICY,
      rules: [
        {
          names: ["read"],
          action: { errno: "EIO" },
          arguments: [
            { index: 0, operator: "gt", value: 2n, bits: 32 },
            { index: 1, operator: "eq", value: 0n, bits: 64 },
          ],
        },
        { names: ["read", "write"], action: "allow" },
        { names: ["write"], action: { errno: "EIO" } },
      ],
    };
    const filter = compileSeccomp(policy, { architecture: "x64", capabilities: [] });
    expect(runFilter(filter, call(0, 3n, 0n))).toBe(0x50000 + ERRNO.EIO);
    expect(runFilter(filter, call(0, 3n, 1n))).toBe(ALLOW);
    expect(runFilter(filter, call(0, 2n, 0n))).toBe(ALLOW);
    expect(runFilter(filter, call(1, 3n, 0n))).toBe(ALLOW);
  });
});
