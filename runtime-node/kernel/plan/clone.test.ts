import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { LinuxKernel } from "../linux-kernel.ts";
import { isZombie, reap, startTimeOf } from "../pidfd.ts";
import { type ChildPlan, OWN_FILES, RELEASE_WRITE, WAIT_FOR_RELEASE, WAIT_WITH_SHARED_FILES } from "./child-plan.ts";
import { cloneAndPark, type CloneEnd, ParkedChild } from "./clone.ts";
import type { HostStep, Step, StepArgument, StepOutcome } from "./step.ts";

const kernel = new LinuxKernel();
const LASTING = { userNamespace: () => -1, pidfd: () => -1 };
const AT_FDCWD: StepArgument = { flags: ["AT_FDCWD"] };

const plan = (child: Step[], changes: Partial<ChildPlan> = {}): ChildPlan => ({
  prepare: [],
  namespaces: [],
  parked: [],
  child: [...WAIT_FOR_RELEASE, ...child],
  cleanup: [],
  ...changes,
});
const sharing = (child: Step[], changes: Partial<ChildPlan> = {}): ChildPlan =>
  plan([], { child: [...WAIT_WITH_SHARED_FILES, ...child], sharesFilesUntil: OWN_FILES, ...changes });
const exec = (...argv: string[]): Step => ({
  name: "exec",
  call: "execve",
  args: [argv[0] ?? "", { strings: argv }, { strings: [] }],
});
const exit = (code: number, name = `exit with ${code}`): Step => ({ name, call: "exit_group", args: [code] });

async function park(wanted: ChildPlan): Promise<ParkedChild> {
  const parked = await cloneAndPark(kernel, wanted, LASTING);
  if (!(parked instanceof ParkedChild)) throw new Error(parked.failure.message);
  return parked;
}

/** Runs a plan to the end of its process. */
async function run(wanted: ChildPlan): Promise<{ end: CloneEnd; code: number | null }> {
  const end = await (await park(wanted)).release();
  if (end.type === "failed") return { end, code: null };
  const { code } = await reap(kernel, end.pidfd);
  kernel.call("close", end.pidfd);
  return { end, code };
}

const children = (): string => readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");

/** Of the steps after its release. */
const own = ({ outcomes }: CloneEnd): StepOutcome[] => outcomes.child.slice(WAIT_FOR_RELEASE.length);

describe.each([
  ["", plan],
  [", which share its files,", sharing],
])("the children%s of a parent that is killed", (_, planOf) => {
  /** A process that parks three children, lets some go on as `sleep`, and says who they are. */
  async function parentOf(released: number): Promise<{ parent: ChildProcess; isAlive: (() => boolean)[] }> {
    const script = `
      const { LinuxKernel } = await import(${JSON.stringify(join(import.meta.dirname, "../linux-kernel.ts"))});
      const { cloneAndPark } = await import(${JSON.stringify(join(import.meta.dirname, "clone.ts"))});
      const plan = ${JSON.stringify(planOf([exec("/bin/sleep", "1000")], { namespaces: ["CLONE_NEWPID"] }))};
      const one = () => cloneAndPark(new LinuxKernel(), plan, {});
      const parked = await Promise.all([one(), one(), one()]);
      await Promise.all(parked.slice(0, ${released}).map((child) => child.release()));
      console.log(parked.map(({ pid }) => pid).join(" "));
      setInterval(() => {}, 1000);
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pids = line.toString().trim().split(" ").map(Number);
    onTestFinished(() => {
      for (const pid of pids.slice(0, released)) process.kill(pid, "SIGKILL");
    });
    const isAlive = pids.map((pid) => {
      const startTime = startTimeOf(pid);
      return () => startTimeOf(pid) === startTime && !isZombie(pid);
    });
    return { parent, isAlive };
  }

  /** Each has a copy of the others' pipes: an end of file alone would free none. */
  it("die with it while they wait for their release, be there several; released ones live on", async () => {
    const { parent, isAlive } = await parentOf(1);
    const exited = once(parent, "exit");
    parent.kill("SIGKILL");
    await exited;
    const [released, ...waiting] = isAlive;
    while (waiting.some((one) => one())) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(waiting).toHaveLength(2);
    expect(released?.()).toBe(true);
  });
});

describe("a child that walks its steps", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-clone-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("waits until it is released, then becomes its program", async () => {
    const parked = await park(plan([exec("/bin/sh", "-c", "exit 42")]));
    const stat = readFileSync(`/proc/${parked.pid}/stat`, "utf8");
    expect(stat).toContain("(");
    const end = await parked.release();
    expect(end).toMatchObject({ type: "running", pid: parked.pid });
    if (end.type !== "running") return;
    expect(await reap(kernel, end.pidfd)).toEqual({ code: 42, signal: null });
    kernel.call("close", end.pidfd);
  });

  it("hands the result of one step to the ones after it", async () => {
    const path = join(folder, "out");
    const { code } = await run(
      plan([
        { name: "file", call: "openat", args: [AT_FDCWD, path, { flags: ["O_WRONLY", "O_CREAT"] }, 0o600] },
        { name: "output", call: "dup3", args: [{ result: "file" }, 1, 0] },
        exec("/bin/echo", "carried"),
      ]),
    );
    expect(code).toBe(0);
    expect(readFileSync(path, "utf8")).toBe("carried\n");
  });

  it("goes on after an errno that its step tolerates", async () => {
    const step: Step = { name: "make", call: "mkdirat", args: [AT_FDCWD, folder, 0o755], tolerate: ["EROFS", "EEXIST"] };
    const { end, code } = await run(plan([step, exec("/bin/true")]));
    expect(code).toBe(0);
    expect(own(end).map(({ result }) => result)).toEqual([-17, null]);
  });

  it("gives up at any other errno, and its parent says where and why", async () => {
    const step: Step = { name: "make", call: "mkdirat", args: [AT_FDCWD, folder, 0o755], tolerate: ["EROFS"] };
    const { end } = await run(plan([step, exec("/bin/true")]));
    expect(end).toMatchObject({
      type: "failed",
      failure: { step: "make", call: `mkdirat(AT_FDCWD, "${folder}", 0755)`, errno: "EEXIST", exec: false },
    });
    expect(children()).toBe("");
  });

  it("gives up at a result below the least good one", async () => {
    const read = (name: string, atLeast: number): Step[] => [
      { name, call: "openat", args: [AT_FDCWD, "/dev/null", { flags: ["O_RDONLY"] }, 0] },
      { name: `read ${name}`, call: "read", args: [{ result: name }, { bytes: "AAAA" }, 1], atLeast },
    ];
    const { end } = await run(plan([...read("fine", 0), ...read("too little", 1), exit(0)]));
    expect(end).toMatchObject({ type: "failed", failure: { step: "read too little", errno: null } });
  });

  it("takes a branch when its result is above 0, and none when it is 0", async () => {
    const branching = (call: Step["call"]): ChildPlan =>
      plan([{ name: "decide", call, args: [0], branch: "exit with 6" }, exit(5), exit(6)]);
    // umask(0) of a child with umask 0 is 0; getpid is above 0.
    const zero: Step = { name: "clear", call: "umask", args: [0] };
    const straight = branching("umask");
    straight.child.splice(WAIT_FOR_RELEASE.length, 0, zero);
    expect((await run(straight)).code).toBe(5);
    expect((await run(branching("getpid"))).code).toBe(6);
  });

  it("tries programs in turn, and the most telling refusal is reported", async () => {
    const noProgram = join(folder, "data");
    writeFileSync(noProgram, "x", { mode: 0o600 });
    const candidate = (path: string, last = false): Step => ({
      ...exec(path),
      name: `exec ${path}`,
      ...(last ? {} : { tolerate: ["ENOENT", "EACCES"] }),
    });
    expect((await run(plan([candidate("/nope"), candidate("/bin/true", true)]))).code).toBe(0);
    const { end } = await run(plan([candidate("/nope"), candidate(noProgram), candidate("/nope/too", true)]));
    expect(end).toMatchObject({ failure: { step: `exec ${noProgram}`, errno: "EACCES", exec: true } });
  });

  it("is timed, step by step", async () => {
    const pause = { words: [0, 20_000_000] };
    const { end } = await run(plan([{ name: "sleep", call: "nanosleep", args: [pause, null] }, exec("/bin/true")]));
    const [sleep, program] = own(end);
    expect(sleep?.microseconds).toBeGreaterThan(20_000);
    expect(program).toEqual({ result: null, microseconds: null });
  });

  it("is gone when it is called off, and its steps were not made", async () => {
    const path = join(folder, "made");
    const parked = await park(plan([{ name: "make", call: "mkdirat", args: [AT_FDCWD, path, 0o755] }, exec("/bin/true")]));
    const [first, second] = await Promise.all([parked.abort(), parked.release()]);
    expect(first).toMatchObject({ type: "failed", failure: { message: "the launch was called off" } });
    expect(second).toBe(first);
    expect(readdirSync(folder)).toEqual([]);
    expect(children()).toBe("");
  });

  it("never was when a step of the host fails, before the clone or after it", async () => {
    const impossible = { kind: "write" as const, name: "impossible", path: "/nope/{pid}", text: "x" };
    for (const phase of ["prepare", "parked"] as const) {
      const end = await cloneAndPark(kernel, plan([exit(0)], { [phase]: [impossible] }), LASTING);
      expect(end).toMatchObject({ type: "failed", failure: { step: "impossible", errno: "ENOENT" } });
      expect(children()).toBe("");
    }
  });

  it("has what host steps opened after the clone, when it shares files until its release", async () => {
    for (const phase of ["prepare", "parked"] as const) {
      const path = join(folder, phase);
      const open: HostStep = {
        kind: "call",
        name: "file",
        call: "openat",
        args: [AT_FDCWD, path, { flags: ["O_WRONLY", "O_CREAT", "O_CLOEXEC"] }, 0o600],
        opens: true,
      };
      const output: Step = { name: "output", call: "dup3", args: [{ result: "file" }, 1, 0] };
      expect((await run(sharing([output, exec("/bin/echo", phase)], { [phase]: [open] }))).code).toBe(0);
      expect(readFileSync(path, "utf8")).toBe(`${phase}\n`);
    }
  });

  it("closes nothing of its parent's, and leaves nothing open in it, when it shares files until its release", async () => {
    const fds = (): string[] => readdirSync("/proc/self/fd").toSorted();
    const before = fds();
    const closing: Step[] = [
      { name: "close the pipe", call: "close", args: [{ result: RELEASE_WRITE }] },
      { name: "close all", call: "close_range", args: [3, 0xffffffff, 0] },
    ];
    expect((await run(sharing([...closing, exec("/bin/true")]))).code).toBe(0);
    expect((await run(sharing([...closing, exec("/nope")]))).end.type).toBe("failed");
    await (await park(sharing([exit(0)]))).abort();
    expect(fds()).toEqual(before);
  });

  it("never was released when a step of the host fails that shares files with it", async () => {
    const path = join(folder, "made");
    const make: Step = { name: "make", call: "mkdirat", args: [AT_FDCWD, path, 0o755] };
    const impossible = { kind: "write" as const, name: "impossible", path: "/nope/file", text: "x" };
    for (const phase of ["prepare", "parked"] as const) {
      const end = await cloneAndPark(kernel, sharing([make, exit(0)], { [phase]: [impossible] }), LASTING);
      expect(end).toMatchObject({ type: "failed", failure: { step: "impossible" }, outcomes: { child: [] } });
    }
    expect(readdirSync(folder)).toEqual([]);
    expect(children()).toBe("");
  });

  it("is ended when its plan cannot be laid out", async () => {
    const unknown = sharing([{ name: "use", call: "close", args: [{ result: "nothing" }] }, exit(0)]);
    await expect(cloneAndPark(kernel, unknown, LASTING)).rejects.toThrow('no step before its use is named "nothing"');
    expect(children()).toBe("");
  });

  it("is refused with clone3's errno and flags", async () => {
    const notACgroup = { kind: "call" as const, name: "cgroup", call: "openat" as const, opens: true };
    const prepare = [{ ...notACgroup, args: [AT_FDCWD, folder, { flags: ["O_RDONLY" as const] }, 0] }];
    const end = await cloneAndPark(kernel, plan([exit(0)], { prepare, intoCgroup: "cgroup" }), LASTING);
    expect(end).toMatchObject({ type: "failed", failure: { step: "clone", errno: "EBADF" } });
  });
});
