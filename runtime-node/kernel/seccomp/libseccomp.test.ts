import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CAPABILITY_NAMES, type CapabilityName, DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { ERRNO } from "../errno.ts";
import type { Architecture } from "../syscall-numbers.ts";
import { runFilter } from "./bpf-interpreter.ts";
import { AUDIT_ARCHITECTURES, type CallNumbers } from "./call-numbers.ts";
import { compileSeccomp } from "./compile.ts";
import { DOCKER_DEFAULT_POLICY } from "./docker-default.ts";
import type { SeccompRule } from "./policy.ts";

const FIXTURE = fileURLToPath(new URL("libseccomp.fixture.py", import.meta.url));
const PYTHON = ["/usr/bin/python3", "python3"].find((python) => spawnSync(python, ["-c", "import seccomp"]).status === 0);
const SECCOMP_NAMES = { x64: ["X86_64", "X86", "X32"], arm64: ["AARCH64", "ARM"] } as const;
const ALLOWED = 0x7fff0000;
const NO_CALL = 0x50000 + ERRNO.ENOSYS;

/** First arguments around every value that a rule of the policy compares with. */
const FIRST_ARGUMENTS = [
  0n,
  7n,
  9n,
  37n,
  38n,
  39n,
  40n,
  41n,
  0x1ffffn,
  0x20008n,
  0x20009n,
  0xfffffffen,
  0xffffffffn,
  ...Array.from({ length: 32 }, (_, bit) => 1n << BigInt(bit)),
  0x01200011n,
  0x003d0f00n,
];

const ALL_OR_NOTHING = [0n, (1n << 64n) - 1n];
const JUDGED_BY_ARGUMENT = new Set(
  DOCKER_DEFAULT_POLICY.rules.filter((rule) => rule.arguments !== undefined).flatMap((rule) => rule.names),
);

const NUMBERS = [
  ...Array.from({ length: 700 }, (_, number) => number),
  ...Array.from({ length: 700 }, (_, number) => 0x40000000 + number),
  ...Array.from({ length: 16 }, (_, number) => 0xf0000 + number),
  0x3fffffff,
  0x7fffffff,
  0xffffffff,
];

describe.skipIf(PYTHON === undefined)(
  "compared with libseccomp (skipped without its Python binding, python3-seccomp)",
  () => {
    const sets: [string, readonly CapabilityName[]][] = [
      ["docker's default capabilities", DEFAULT_CAPABILITIES],
      ["every capability", CAPABILITY_NAMES],
      ["no capability", []],
    ];
    for (const architecture of ["x64", "arm64"] as const) {
      it.each(sets)(`every number and argument gets the same answer on ${architecture} with %s`, (_title, capabilities) => {
        const ours = compileSeccomp(DOCKER_DEFAULT_POLICY, { architecture, capabilities });
        const theirs = buildWithLibseccomp(architecture, capabilities);
        expect(ours.byteLength).toBeLessThan(theirs.program.byteLength);
        const differing = AUDIT_ARCHITECTURES[architecture].flatMap(({ token, tables }) => {
          const names = namesByNumber(tables);
          return NUMBERS.flatMap((number) => compareNumber({ token, number, ours, theirs, name: names.get(number) }));
        });
        expect(differing).toEqual([]);
      });
    }
  },
);

interface LibseccompFilter {
  program: Uint8Array;
  /** Names that this libseccomp is too old for. */
  unknown: Set<string>;
}

function buildWithLibseccomp(architecture: Architecture, capabilities: readonly CapabilityName[]): LibseccompFilter {
  const applies = ({ when }: SeccompRule): boolean =>
    (when?.capability === undefined || capabilities.includes(when.capability)) &&
    (when?.withoutCapability === undefined || !capabilities.includes(when.withoutCapability)) &&
    (when?.architectures === undefined || when.architectures.includes(architecture));
  const policy = {
    ...DOCKER_DEFAULT_POLICY,
    rules: DOCKER_DEFAULT_POLICY.rules.filter(applies),
    architectures: SECCOMP_NAMES[architecture],
  };
  const input = JSON.stringify(policy, (key, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    return key === "errno" ? Object.entries(ERRNO).find(([name]) => name === value)?.[1] : value;
  });
  const run = spawnSync(PYTHON ?? "", [FIXTURE], { input });
  if (run.status !== 0) throw new Error(`libseccomp: ${run.stderr.toString()}`);
  const unknown = run.stderr.toString().trim().split("\n");
  return { program: run.stdout, unknown: new Set(unknown.map((line) => line.split(" ")[0] ?? "")) };
}

function namesByNumber(tables: readonly CallNumbers[]): Map<number, string> {
  return new Map(tables.flatMap((table) => [...table].map(([name, number]) => [number, name] as const)));
}

interface Comparison {
  token: number;
  number: number;
  name: string | undefined;
  ours: Uint8Array;
  theirs: LibseccompFilter;
}

/** What is no call, or is newer than the policy, is refused by both: by libseccomp as denied or as foreign, by us with ENOSYS. */
function compareNumber({ token, number, name, ours, theirs }: Comparison): string[] {
  if (name !== undefined && theirs.unknown.has(name)) return [];
  const newer = name === undefined || ["open_tree_attr", "file_getattr", "file_setattr"].includes(name);
  return (JUDGED_BY_ARGUMENT.has(name ?? "") ? FIRST_ARGUMENTS : ALL_OR_NOTHING).flatMap((argument) => {
    const call = { architecture: token, number, arguments: [argument] };
    const answer = runFilter(theirs.program, call);
    const expected = newer && answer !== ALLOWED ? NO_CALL : answer;
    const seen = runFilter(ours, call);
    if (seen === expected) return [];
    return [
      `${token.toString(16)} ${name ?? number}(0x${argument.toString(16)}): 0x${seen.toString(16)}, not 0x${expected.toString(16)}`,
    ];
  });
}
