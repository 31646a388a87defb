import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { IdmapProbe } from "#kernel/idmap-probe.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { TmpfsMounts } from "#kernel/mount-tmpfs.ts";
import { UserNamespaces } from "#kernel/user-namespaces.ts";
import { mountsWithin } from "./mount-table.ts";
import { describeVolumeDriver } from "./testing/volume-driver-conformance.ts";
import { TmpfsDriver } from "./tmpfs-driver.ts";

const isRoot = process.getuid?.() === 0;
const kernel = new LinuxKernel();
const userNamespaces = new UserNamespaces(kernel);
const mounts = new TmpfsMounts(kernel, new IdmapProbe(kernel, userNamespaces));
afterAll(() => userNamespaces[Symbol.dispose]());
const canIdmap = isRoot && (await mounts.canIdmap());

describe.skipIf(!canIdmap)(
  "the tmpfs driver (skipped without root, and before Linux 6.3, which cannot idmap a tmpfs)",
  () => {
    describeVolumeDriver("tmpfs", {
      makeDriver: () => new TmpfsDriver(mounts),
      options: { size: "4m" },
      invalidOptions: [{ size: "much" }, { size: "0" }, { size: "-1" }, { size: "1x" }, { size: "" }],
    });

    it("holds as much as its size says, and its mount is gone with the last instance", async () => {
      const folder = mkdtempSync(join(tmpdir(), "slipway-tmpfs-"));
      try {
        const driver = new TmpfsDriver(mounts);
        const volume = { name: "shop_cache", folder, options: { size: "1M" } };
        await driver.create(volume);
        const { path } = await driver.attach(volume);
        await driver.attach(volume);
        expect(await mountsWithin(folder)).toEqual([{ path, fileSystem: "tmpfs" }]);
        expect(() => writeFileSync(join(path, "large"), Buffer.alloc(2 << 20))).toThrow(/ENOSPC/);
        expect(await driver.stats(volume)).toEqual({ usedBytes: 1 << 20, limitBytes: 1 << 20 });
        await driver.detach(volume);
        expect(await mountsWithin(folder)).toEqual([]);
        expect(await driver.stats(volume)).toEqual({ usedBytes: 0, limitBytes: 1 << 20 });
        await driver.remove(volume);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it("does not take a mount of something else for its own", async () => {
      const folder = mkdtempSync(join(tmpdir(), "slipway-tmpfs-"));
      const source = mkdtempSync(join(tmpdir(), "slipway-source-"));
      const data = join(folder, "data");
      mkdirSync(data);
      execFileSync("mount", ["--bind", source, data]);
      try {
        const driver = new TmpfsDriver(mounts);
        const volume = { name: "shop_cache", folder, options: {} };
        writeFileSync(join(source, "precious"), "kept");
        const refused = { code: "SLIPWAY_STORAGE_UNEXPECTED_PATH" };
        await expect(driver.attach(volume)).rejects.toMatchObject(refused);
        await expect(driver.remove(volume)).rejects.toMatchObject(refused);
      } finally {
        execFileSync("umount", [data]);
        rmSync(folder, { recursive: true });
        rmSync(source, { recursive: true });
      }
    });
  },
);

describe("the tmpfs driver on a kernel that cannot idmap a tmpfs", () => {
  let mounted = 0;
  beforeEach(() => {
    mounted = 0;
  });
  const oldKernel = {
    mount: () => {
      mounted += 1;
    },
    unmount: () => undefined,
    canIdmap: async () => false,
  };

  it("says so in its capabilities and refuses to attach, with the kernel and the way out", async () => {
    const driver = new TmpfsDriver(oldKernel);
    expect((await driver.capabilities()).idmap).toMatchObject({ supported: false });
    await expect(driver.attach({ name: "shop_cache", folder: "/nowhere", options: {} })).rejects.toMatchObject({
      code: "SLIPWAY_STORAGE_IDMAP_UNSUPPORTED",
      message: expect.stringContaining("shop_cache cannot be mounted: it needs a tmpfs that can be idmapped"),
      remedy: expect.stringMatching(/6\.3 or newer.*`tmpfs:`/),
    });
    expect(mounted).toBe(0);
  });
});
