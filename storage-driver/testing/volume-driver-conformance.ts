import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Volume, VolumeDriver } from "../volume-driver.ts";

export interface DriverUnderTest {
  /** `root` is a folder for all volumes of one test; it is removed afterwards. */
  makeDriver: (root: string) => VolumeDriver;
  /** Options that the driver takes. */
  options: Record<string, string>;
  /** Options that it has and values that they cannot take. */
  invalidOptions: Record<string, string>[];
}

/** What every volume driver does, whatever it is made of: each driver's test runs this with the real thing. */
export function describeVolumeDriver(title: string, { makeDriver, options, invalidOptions }: DriverUnderTest): void {
  describe(`${title}, as every volume driver`, () => {
    const { signal } = new AbortController();
    let root: string;
    let driver: VolumeDriver;
    const made: Volume[] = [];

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), "slipway-volumes-"));
      driver = makeDriver(root);
    });
    afterEach(async () => {
      for (const volume of made.splice(0)) {
        await driver.detach(volume, signal);
        await driver.remove(volume, signal);
      }
      await rm(root, { recursive: true });
    });

    /** The store has made the folder before a driver sees the volume. */
    async function newVolume(name: string): Promise<Volume> {
      const volume = { name: `shop_${name}`, folder: join(root, "shop", name), options };
      await mkdir(volume.folder, { recursive: true, mode: 0o700 });
      made.push(volume);
      return volume;
    }

    async function attachedFile(volume: Volume): Promise<string> {
      const attachment = await driver.attach(volume, signal);
      expect(attachment).toMatchObject({ kind: "directory", idmap: "shift" });
      return join(attachment.path, "file");
    }

    it("accepts its own options and refuses others by name", () => {
      driver.checkOptions({});
      driver.checkOptions(options);
      expect(() => driver.checkOptions({ ...options, colour: "blue" })).toThrow(/no option colour/);
      for (const invalid of invalidOptions) {
        expect(() => driver.checkOptions(invalid)).toThrow(
          expect.objectContaining({ code: "SLIPWAY_STORAGE_OPTION_INVALID" }),
        );
      }
    });

    it("gives an empty directory of root's, below the volume's own folder", async () => {
      const volume = await newVolume("data");
      await driver.create(volume, signal);
      const { path } = await driver.attach(volume, signal);
      expect(path.startsWith(`${volume.folder}/`)).toBe(true);
      const found = await stat(path);
      expect({ uid: found.uid, gid: found.gid, mode: found.mode & 0o7777 }).toEqual({ uid: 0, gid: 0, mode: 0o755 });
    });

    it("gives every instance the same data, and keeps it while one of them remains", async () => {
      const volume = await newVolume("data");
      await driver.create(volume, signal);
      await writeFile(await attachedFile(volume), "kept");
      await driver.create(volume, signal);
      expect(await readFile(await attachedFile(volume), "utf8")).toBe("kept");
    });

    it("keeps data after the last instance exactly when it says that it is persistent", async () => {
      const volume = await newVolume("data");
      await driver.create(volume, signal);
      await writeFile(await attachedFile(volume), "kept");
      await driver.detach(volume, signal);
      await driver.detach(volume, signal);
      const { persistent } = await driver.capabilities(signal);
      expect(existsSync(await attachedFile(volume))).toBe(persistent);
    });

    it("keeps volumes apart", async () => {
      const [one, two] = [await newVolume("one"), await newVolume("two")];
      await driver.create(one, signal);
      await driver.create(two, signal);
      await writeFile(await attachedFile(one), "one");
      await writeFile(await attachedFile(two), "two");
      await driver.detach(one, signal);
      await driver.remove(one, signal);
      expect(await readFile(await attachedFile(two), "utf8")).toBe("two");
    });

    it("says how much a volume takes", async () => {
      const volume = await newVolume("data");
      await driver.create(volume, signal);
      const file = await attachedFile(volume);
      const before = await driver.stats(volume, signal);
      await writeFile(file, Buffer.alloc(256 * 1024, 1));
      const after = await driver.stats(volume, signal);
      const grown = after.usedBytes - before.usedBytes;
      expect(grown).toBeGreaterThanOrEqual(256 * 1024);
      expect(grown).toBeLessThan(320 * 1024);
      expect(after.limitBytes !== null).toBe((await driver.capabilities(signal)).sizeLimit);
    });

    it("deletes a volume's data and nothing beside it or behind its links; twice is as once", async () => {
      const volume = await newVolume("data");
      await driver.create(volume, signal);
      const outside = join(root, "outside");
      await writeFile(outside, "kept");
      await writeFile(join(volume.folder, "beside"), "kept");
      const file = await attachedFile(volume);
      await symlink(outside, `${file}-link`);
      await symlink(root, `${file}-folder-link`);
      await mkdir(`${file}-folder`);
      await driver.detach(volume, signal);
      await driver.remove(volume, signal);
      await driver.remove(volume, signal);
      expect(await readFile(outside, "utf8")).toBe("kept");
      expect(await readFile(join(volume.folder, "beside"), "utf8")).toBe("kept");
      await driver.create(volume, signal);
      expect(existsSync(await attachedFile(volume))).toBe(false);
    });

    it("completes what a crash has left half done: a removal of what was never made or attached", async () => {
      const volume = await newVolume("data");
      await driver.remove(volume, signal);
      await driver.create(volume, signal);
      await driver.remove(volume, signal);
      expect(await readdir(volume.folder)).toEqual([]);
    });

    it("refuses a link that somebody has put in the data's place", async () => {
      const volume = await newVolume("data");
      await driver.create(volume, signal);
      const data = join(volume.folder, "data");
      await rename(data, join(volume.folder, "moved"));
      await symlink(root, data);
      const refused = { code: "SLIPWAY_STORAGE_UNEXPECTED_PATH" };
      await expect(driver.create(volume, signal)).rejects.toMatchObject(refused);
      await expect(driver.attach(volume, signal)).rejects.toMatchObject(refused);
      await expect(driver.remove(volume, signal)).rejects.toMatchObject(refused);
      expect(existsSync(root)).toBe(true);
      await rm(data);
    });
  });
}
