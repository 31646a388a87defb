import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { stacksDetachedLayers } from "./detached-layers.ts";
import { LinuxKernel } from "./linux-kernel.ts";
import { RecordingKernel } from "./recording-kernel.ts";

function runFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-stack-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const index of ["0", "1"]) mkdirSync(join(folder, "m", index), { recursive: true });
  return folder;
}

describe.skipIf(process.getuid?.() !== 0)(
  "whether layers are stacked that are mounted nowhere (skipped without root)",
  () => {
    it("is found out by trying, and leaves nothing open", () => {
      const [major = 0, minor = 0] = release().split(".").map(Number);
      const fds = (): number => readdirSync("/proc/self/fd").length;
      const [kernel, folder, before] = [new LinuxKernel(), runFolder(), fds()];
      const answer = stacksDetachedLayers(kernel, folder);
      expect(fds()).toBe(before);
      // Where it is new enough it must; an older one may have it from its distribution.
      if (major > 6 || (major === 6 && minor >= 15)) expect(answer).toBe(true);
    });

    it("is no where the kernel takes no layer by its fd, or refuses the stack, and is asked once", () => {
      for (const refused of [["EINVAL"], [0, 0, "EINVAL"]] as const) {
        const kernel = new RecordingKernel().answer("fsconfig", ...refused);
        expect(stacksDetachedLayers(kernel, "/r")).toBe(false);
        const calls = kernel.callsOf("fsconfig").length;
        expect(stacksDetachedLayers(kernel, "/r")).toBe(false);
        expect(kernel.callsOf("fsconfig")).toHaveLength(calls);
      }
    });
  },
);
