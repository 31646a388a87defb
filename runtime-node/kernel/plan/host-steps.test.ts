import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LinuxKernel } from "../linux-kernel.ts";
import { RecordingKernel } from "../recording-kernel.ts";
import { HostStepError, HostStepRunner, type LastingFds } from "./host-steps.ts";
import type { HostStep } from "./step.ts";

const LASTING: LastingFds = { userNamespace: () => 77, pidfd: () => 88 };
const call = (name: string, step: Partial<Extract<HostStep, { kind: "call" }>> = {}): HostStep => ({
  kind: "call",
  name,
  call: "getpid",
  args: [],
  ...step,
});
const thrown = (action: () => void): unknown => {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("steps of the host", () => {
  it("hand an earlier result to a later step, and know fds that last", () => {
    const kernel = new RecordingKernel().answer("openat", 5);
    using host = new HostStepRunner(kernel, LASTING);
    host.run([
      call("directory", { call: "openat", args: [{ flags: ["AT_FDCWD"] }, null, { flags: ["O_RDONLY", "O_CLOEXEC"] }] }),
      { kind: "user-namespace", name: "map", map: { uid: [], gid: [] } },
      { kind: "pidfd", name: "child", child: "c1" },
      call("use", { call: "dup3", args: [{ result: "directory" }, { result: "map" }, { result: "child" }] }),
    ]);
    expect(kernel.callsOf("openat")).toEqual([[-100, 0, 0o2000000, 0, 0, 0]]);
    expect(kernel.callsOf("dup3")).toEqual([[5, 77, 88, 0, 0, 0]]);
  });

  it("stop at the first that fails, which is named with its errno", () => {
    const kernel = new RecordingKernel().answer("mount", "EPERM");
    using host = new HostStepRunner(kernel, LASTING);
    const error = thrown(() => host.run([call("first"), call("second", { call: "mount" }), call("third")]));
    expect(error).toBeInstanceOf(HostStepError);
    expect(error).toMatchObject({ step: { name: "second" }, cause: { errno: "EPERM" } });
    expect(host.outcomes.map(({ result }) => result)).toEqual([0, -1]);
    expect(kernel.calls.map(({ name }) => name)).toEqual(["getpid", "mount"]);
  });

  it("go on after an errno that is tolerated, and only after that", () => {
    const kernel = new RecordingKernel().answer("umount2", "EINVAL", "EBUSY");
    using host = new HostStepRunner(kernel, LASTING);
    const detach = call("detach", { call: "umount2", tolerate: ["EINVAL"] });
    host.run([detach]);
    expect(thrown(() => host.run([detach]))).toMatchObject({ cause: { errno: "EBUSY" } });
  });

  it("close what they opened when they are over, last first, and nothing else", () => {
    const kernel = new RecordingKernel().answer("openat", 5, 6, 7);
    const host = new HostStepRunner(kernel, LASTING);
    host.run([
      call("a", { call: "openat", opens: true }),
      call("b", { call: "openat" }),
      call("c", { call: "openat", opens: true }),
    ]);
    host[Symbol.dispose]();
    host[Symbol.dispose]();
    expect(kernel.callsOf("close")).toEqual([[7], [5]]);
  });

  it("are all made in a clean-up, whatever becomes of the others", () => {
    const kernel = new RecordingKernel().answer("umount2", "EBUSY", 0, "EPERM");
    using host = new HostStepRunner(kernel, LASTING);
    const errors = host.runAll(["a", "b", "c"].map((name) => call(name, { call: "umount2" })));
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^a: .*EBUSY$/),
      expect.stringMatching(/^c: .*EPERM$/),
    ]);
  });

  it("refuse a result that no earlier step has", () => {
    using host = new HostStepRunner(new RecordingKernel(), LASTING);
    const error = thrown(() => host.run([call("use", { args: [{ result: "nothing" }] })]));
    expect(error).toMatchObject({ message: 'use: "use" uses the result of "nothing", which has none' });
  });

  it("write a file for the child's pid, and close it though the write is refused", () => {
    const kernel = new RecordingKernel().answer("openat", 9).answer("write", "EINVAL");
    using host = new HostStepRunner(kernel, LASTING);
    host.pid = 4242;
    const step: HostStep = { kind: "write", name: "join", path: "/g/{pid}/cgroup.procs", text: "{pid}" };
    expect(thrown(() => host.run([step]))).toMatchObject({ step, cause: { errno: "EINVAL" } });
    expect(kernel.callsOf("openat")[0]?.[1]).toBe("/g/4242/cgroup.procs");
    expect(Buffer.from(kernel.callsOf("write")[0]?.[1] as Uint8Array).toString()).toBe("4242");
    expect(kernel.callsOf("close")).toEqual([[9]]);
  });

  it("reach the real kernel with their strings and structs", () => {
    const kernel = new LinuxKernel();
    using host = new HostStepRunner(kernel, LASTING);
    host.run([
      call("file", {
        call: "openat",
        args: [{ flags: ["AT_FDCWD"] }, "/proc/self/comm", { flags: ["O_RDONLY"] }, 0],
        opens: true,
      }),
      call("name", { call: "prctl", args: [15, { bytes: Buffer.from("steps\0").toString("base64") }] }),
    ]);
    try {
      expect(readFileSync("/proc/thread-self/comm", "utf8")).toBe("steps\n");
      expect(host.results.get("file")).toBeGreaterThan(2);
    } finally {
      kernel.call("prctl", 15, Buffer.from("node\0"));
    }
  });
});
