import { describe, expect, it } from "vitest";
import { isErrno } from "./kernel.ts";
import { LinuxKernel } from "./linux-kernel.ts";
import { RecordingKernel } from "./recording-kernel.ts";

describe("the recording kernel", () => {
  it("makes no call, remembers each, and answers 0", () => {
    const kernel = new RecordingKernel();
    expect(kernel.call("openat", -100, "/nope", 0)).toBe(0);
    expect(kernel.calls).toEqual([{ name: "openat", args: [-100, "/nope", 0] }]);
  });

  it("answers as scripted, in order, and goes on with the last answer", () => {
    const kernel = new RecordingKernel().answer("read", 5, "EINTR", 0);
    expect([1, 2, 3, 4].map(() => kernel.attempt("read", 3))).toEqual([5, -4, 0, 0]);
  });

  it("refuses as the real one does", () => {
    const kernel = new RecordingKernel().answer("flock", "ENOLCK");
    const refused = (() => {
      try {
        return kernel.call("flock", 3, 6);
      } catch (error) {
        return error;
      }
    })();
    expect(isErrno(refused, "ENOLCK")).toBe(true);
    expect(refused).toMatchObject({ message: "flock(3, 6) = -1 ENOLCK" });
  });

  it("remembers bytes as they were at the call", () => {
    const kernel = new RecordingKernel();
    const bytes = Buffer.from("before");
    kernel.call("write", 1, bytes, bytes.byteLength);
    bytes.fill(0);
    expect(Buffer.from(kernel.callsOf("write")[0]?.[1] as Uint8Array).toString()).toBe("before");
  });

  it("hands on what is not scripted to the kernel behind it", () => {
    const kernel = new RecordingKernel(new LinuxKernel()).answer("setsid", "EPERM");
    expect(kernel.call("getpid")).toBe(process.pid);
    expect(kernel.attempt("setsid")).toBe(-1);
    expect(kernel.calls.map(({ name }) => name)).toEqual(["getpid", "setsid"]);
  });
});
