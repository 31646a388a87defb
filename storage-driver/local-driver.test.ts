import { execFileSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdmapProbe } from "#kernel/idmap-probe.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { UserNamespaces } from "#kernel/user-namespaces.ts";
import { diskUsage } from "./disk-usage.ts";
import { LocalDriver } from "./local-driver.ts";
import { describeVolumeDriver } from "./testing/volume-driver-conformance.ts";

const isRoot = process.getuid?.() === 0;
const kernel = new LinuxKernel();
const userNamespaces = new UserNamespaces(kernel);
const probe = new IdmapProbe(kernel, userNamespaces);
afterAll(() => userNamespaces[Symbol.dispose]());

const makeDriver = (root: string): LocalDriver => new LocalDriver({ root, canIdmap: (path) => probe.canIdmapPath(path) });

describe.skipIf(!isRoot)("the local driver (skipped without root)", () => {
  describeVolumeDriver("local", { makeDriver, options: {}, invalidOptions: [] });

  const { signal } = new AbortController();
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "slipway-local-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("shares among the instances of a node, keeps data and needs an idmappable file system, which this one is", async () => {
    expect(await makeDriver(root).capabilities()).toEqual({
      sharing: "one-node",
      persistent: true,
      sizeLimit: false,
      idmap: { supported: true },
    });
  });

  it("says what is missing on a file system that cannot be idmapped, and mounts nothing there", async () => {
    const driver = new LocalDriver({ root, canIdmap: () => probe.canIdmapPath("/proc") });
    const volume = { name: "shop_data", folder: root, options: {} };
    await driver.create(volume);
    const missing = `the file system of ${root} cannot be idmapped by this kernel`;
    expect((await driver.capabilities()).idmap).toMatchObject({ supported: false, missing });
    await expect(driver.attach(volume)).rejects.toMatchObject({
      code: "SLIPWAY_STORAGE_IDMAP_UNSUPPORTED",
      message: expect.stringContaining("shop_data cannot be mounted: the file system of"),
      remedy: expect.stringContaining("ext4"),
    });
  });

  it("does not delete what is mounted in a volume, but says so", async () => {
    const driver = makeDriver(root);
    const volume = { name: "shop_data", folder: join(root, "a volume"), options: {} };
    const inside = join(volume.folder, "data", "mnt");
    mkdirSync(volume.folder);
    await driver.create(volume);
    mkdirSync(inside);
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", inside]);
    try {
      writeFileSync(join(inside, "precious"), "kept");
      await expect(driver.remove(volume)).rejects.toMatchObject({
        code: "SLIPWAY_STORAGE_UNEXPECTED_PATH",
        message: expect.stringContaining(`${inside} is a mount of something else`),
      });
      expect(existsSync(join(inside, "precious"))).toBe(true);
    } finally {
      execFileSync("umount", [inside]);
    }
    await driver.remove(volume);
    expect(existsSync(join(volume.folder, "data"))).toBe(false);
  });

  it("counts as du does: blocks, hard links once, links not followed", async () => {
    mkdirSync(join(root, "deep", "deeper"), { recursive: true });
    writeFileSync(join(root, "deep", "one"), Buffer.alloc(100_000, 1));
    linkSync(join(root, "deep", "one"), join(root, "deep", "deeper", "same"));
    execFileSync("ln", ["-s", "/usr", join(root, "elsewhere")]);
    execFileSync("truncate", ["-s", "1G", join(root, "sparse")]);
    const du = Number(execFileSync("du", ["-s", "--block-size=1", root], { encoding: "utf8" }).split("\t")[0]);
    expect(await diskUsage(root, signal)).toBe(du);
    await expect(diskUsage(root, AbortSignal.abort())).rejects.toThrow(/abort/);
  });
});
