import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdmapProbe } from "./idmap-probe.ts";
import { isErrno } from "./kernel.ts";
import { LinuxKernel } from "./linux-kernel.ts";
import { TmpfsMounts } from "./mount-tmpfs.ts";
import { UserNamespaces } from "./user-namespaces.ts";

const isRoot = process.getuid?.() === 0;
const [major = 0, minor = 0] = release().split(".").map(Number);

function refusal(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.skipIf(!isRoot)("mounts of tmpfs (skipped without root)", () => {
  const kernel = new LinuxKernel();
  let scope: DisposableStack;
  let mounts: TmpfsMounts;
  let probe: IdmapProbe;
  let target: string;

  beforeEach(() => {
    scope = new DisposableStack();
    probe = new IdmapProbe(kernel, scope.use(new UserNamespaces(kernel)));
    mounts = new TmpfsMounts(kernel, probe);
    target = mkdtempSync(join(tmpdir(), "slipway tmpfs-"));
    scope.defer(() => rmSync(target, { recursive: true }));
  });
  afterEach(() => scope.dispose());

  const tableLine = (): string | undefined =>
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((line) => line.includes(target.replace(" ", "\\040")));

  it("have the mode and the size that were asked for, and take neither setuid bits nor devices", () => {
    mounts.mount(target, { mode: 0o750, sizeBytes: 1 << 20 });
    try {
      expect(statSync(target).mode & 0o7777).toBe(0o750);
      expect(tableLine()).toMatch(/nosuid,nodev.* - tmpfs slipway .*size=1024k/);
      writeFileSync(join(target, "half"), Buffer.alloc(1 << 19));
      expect(() => writeFileSync(join(target, "rest"), Buffer.alloc(1 << 20))).toThrow(/ENOSPC/);
    } finally {
      mounts.unmount(target);
    }
    expect(tableLine()).toBeUndefined();
  });

  it("leave nothing behind where the target is not there", () => {
    const before = readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
    expect(
      isErrno(
        refusal(() => mounts.mount(join(target, "absent"), { mode: 0o700 })),
        "ENOENT",
      ),
    ).toBe(true);
    expect(
      isErrno(
        refusal(() => mounts.unmount(target)),
        "EINVAL",
      ),
    ).toBe(true);
    expect(readFileSync("/proc/self/mountinfo", "utf8").split("\n")).toHaveLength(before);
  });

  it("can be idmapped from Linux 6.3 on, which is tried out", async () => {
    expect(await mounts.canIdmap()).toBe(major > 6 || (major === 6 && minor >= 3));
    mounts.mount(target, { mode: 0o700 });
    try {
      expect(await probe.canIdmapPath(target)).toBe(await mounts.canIdmap());
    } finally {
      mounts.unmount(target);
    }
  });

  it("are told from file systems that no kernel idmaps", async () => {
    expect(await probe.canIdmapPath("/proc")).toBe(false);
    expect(await probe.canIdmapPath("/sys")).toBe(false);
    await expect(probe.canIdmapPath(join(target, "absent"))).rejects.toMatchObject({ errno: "ENOENT" });
  });
});
