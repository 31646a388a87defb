import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { ERRNO } from "../errno.ts";
import { type SyscallName, syscallNumber } from "../syscall-numbers.ts";
import { compileSeccomp } from "./compile.ts";
import { DOCKER_DEFAULT_POLICY } from "./docker-default.ts";

const FIXTURE = fileURLToPath(new URL("real-kernel.fixture.py", import.meta.url));
const hasPython = spawnSync("python3", ["-c", "import ctypes"]).status === 0;
const architecture = process.arch === "arm64" ? "arm64" : "x64";
const AF_INET = 2;
const AF_ALG = 38;
const SOCK_STREAM = 1;
const CLONE_NEWUTS = 0x04000000;

function numberOf(name: SyscallName): number {
  const number = syscallNumber(name, architecture);
  if (number === undefined) throw new Error(`${name} does not exist on ${architecture}`);
  return number;
}

describe.skipIf(!hasPython)("a filter in this kernel (skipped without python3, which makes the calls)", () => {
  const makeCalls = (...calls: [SyscallName | number, ...number[]][]): [result: number, errno: number][] => {
    const filter = compileSeccomp(DOCKER_DEFAULT_POLICY, { architecture, capabilities: DEFAULT_CAPABILITIES });
    const numbered = calls.map(([name, ...args]) => [typeof name === "number" ? name : numberOf(name)].concat(args));
    const run = spawnSync("python3", [FIXTURE, JSON.stringify(numbered)], { input: filter });
    if (run.status !== 0) throw new Error(`python3: ${run.stderr.toString()}`);
    return JSON.parse(run.stdout.toString()) as [number, number][];
  };

  it("is accepted, lets a program run, and denies what docker denies with docker's errno, to root", () => {
    expect(
      makeCalls(
        ["unshare", CLONE_NEWUTS],
        ["clone", CLONE_NEWUTS],
        ["clone3", 0, 0],
        ["socket", AF_ALG, SOCK_STREAM],
        ["socket", AF_ALG + 2 ** 32, SOCK_STREAM],
        ["personality", 0x0400000],
        ["file_getattr"],
        [2000],
      ).map(([result, errno]) => (result === -1 ? errno : result)),
    ).toEqual([ERRNO.EPERM, ERRNO.EPERM, ERRNO.ENOSYS, ERRNO.EPERM, ERRNO.EPERM, ERRNO.EPERM, ERRNO.ENOSYS, ERRNO.ENOSYS]);
  });

  it("allows sockets of the internet and the question for the personality", () => {
    const [socket, personality] = makeCalls(["socket", AF_INET, SOCK_STREAM], ["personality", 0xffffffff]);
    expect(socket?.[0]).toBeGreaterThan(2);
    expect(personality).toEqual([0, 0]);
  });
});
