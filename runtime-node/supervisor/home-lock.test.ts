import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { RecordingKernel } from "#kernel/recording-kernel.ts";
import { lockHome } from "./home-lock.ts";

describe("the lock of a home", () => {
  const kernel = new LinuxKernel();
  let folder: string;
  let home: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-lock-"));
    home = join(folder, "home");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const openFds = (): number => readdirSync("/proc/self/fd").length;

  it("makes the home, and says who holds it", () => {
    using _ = lockHome(kernel, home);
    expect(readFileSync(join(home, "server.lock"), "utf8")).toBe(`pid ${process.pid}\n`);
  });

  it("is one server's, and the next one's when that has let go", () => {
    {
      using _ = lockHome(kernel, home);
      const before = openFds();
      expect(() => lockHome(kernel, home)).toThrow(`a server runs on ${home} already (pid ${process.pid})`);
      expect(openFds()).toBe(before);
    }
    using again = lockHome(kernel, home);
    expect(again).toBeDefined();
  });

  it("blames no server for what the kernel or the file system refuses, and leaves no fd open", () => {
    const before = openFds();
    const noLocks = new RecordingKernel(kernel).answer("flock", "ENOLCK");
    expect(() => lockHome(noLocks, home)).toThrow("ENOLCK");
    const full = new RecordingKernel(kernel).answer("ftruncate", "EIO");
    expect(() => lockHome(full, home)).toThrow("EIO");
    expect(openFds()).toBe(before);
  });
});
