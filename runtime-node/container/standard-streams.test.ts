import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { RecordingKernel } from "#kernel/recording-kernel.ts";
import { createStreams, openForReading, openForWriting, removeStreams } from "./standard-streams.ts";

const OWNER = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

describe("a container's standard streams", () => {
  const kernel = new LinuxKernel();
  let folder: string;
  const path = (name: string): string => join(folder, name);
  const paths = () => ({ stdin: null, stdout: path("out"), stderr: path("err") });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-streams-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("are FIFOs that only their owner may open; no stdin is none", async () => {
    createStreams(kernel, paths(), OWNER);
    expect(statSync(path("out")).mode).toBe(0o010600);
    expect(statSync(path("err"))).toMatchObject({ mode: 0o010600, ...OWNER });
  });

  it("take the place of what a former start left, and are gone when they are removed", async () => {
    writeFileSync(path("out"), "old");
    createStreams(kernel, paths(), OWNER);
    expect(statSync(path("out")).isFIFO()).toBe(true);
    removeStreams(paths());
    removeStreams(paths());
    expect(statSync(path("out"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("hold a mebibyte while nobody reads", async () => {
    createStreams(kernel, paths(), OWNER);
    const reader = openForReading(kernel, path("out"));
    const writer = openForWriting(kernel, path("out"));
    try {
      const chunk = Buffer.alloc(64 * 1024);
      let written = 0;
      for (let result = 0; result >= 0; written += Math.max(result, 0))
        result = kernel.attempt("write", writer, chunk, chunk.length);
      expect(written).toBe(1024 * 1024);
    } finally {
      kernel.call("close", writer);
      kernel.call("close", reader);
    }
  });

  it("are read all the same where the kernel refuses so large a pipe", () => {
    const refusing = new RecordingKernel().answer("openat", 7).answer("fcntl", "EPERM");
    expect(openForReading(refusing, "/x")).toBe(7);
    expect(refusing.callsOf("fcntl")).toEqual([[7, 1031, 1024 * 1024]]);
  });

  it("cannot be written to before somebody reads", async () => {
    createStreams(kernel, paths(), OWNER);
    expect(() => openForWriting(kernel, path("out"))).toThrow("ENXIO");
  });

  it("are not made where the kernel refuses the first of them", async () => {
    const refusing = new RecordingKernel().answer("mknodat", "ENOSPC");
    expect(() => createStreams(refusing, paths(), OWNER)).toThrow(
      expect.objectContaining({ errno: "ENOSPC", syscall: "mknodat" }) as Error,
    );
    expect(refusing.callsOf("mknodat")).toHaveLength(1);
  });
});
