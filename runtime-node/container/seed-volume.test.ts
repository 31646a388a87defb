import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdmapProbe } from "#kernel/idmap-probe.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { TmpfsMounts } from "#kernel/mount-tmpfs.ts";
import { UserNamespaces } from "#kernel/user-namespaces.ts";
import { seedVolume, type VolumeSeed } from "./seed-volume.ts";

const isRoot = process.getuid?.() === 0;
const kernel = new LinuxKernel();
const { signal } = new AbortController();
const MTIME = 1_600_000_000;

describe.skipIf(!isRoot)("a new volume (skipped without root)", () => {
  let folder: string;
  let volume: string;
  let layers: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(process.env["SLIPWAY_TEST_DISK"] ?? tmpdir(), "slipway-seed-"));
    volume = join(folder, "data");
    layers = [join(folder, "layers/0"), join(folder, "layers/1")];
    for (const path of [volume, ...layers]) mkdirSync(path, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const seed = (changes: Partial<VolumeSeed> = {}, until: AbortSignal = signal): Promise<void> =>
    seedVolume(
      kernel,
      { volume, target: "/srv/data", layers, scratch: folder, mayFill: async () => true, ...changes },
      until,
    );
  const write = (layer: number, path: string, text = path): string => {
    const file = join(layers[layer] ?? "", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const inVolume = (path: string): string => join(volume, path);
  const attribute = (path: string, name: string): string =>
    execFileSync("getfattr", ["--absolute-names", "--only-values", "-h", "-n", name, path], { encoding: "utf8" });
  const attributes = (path: string): string =>
    execFileSync("getfattr", ["--absolute-names", "-d", "-m", "-", path], { encoding: "utf8" });

  it("gets the image's files with their contents, modes, owners and times", async () => {
    const file = write(0, "srv/data/deep/file", "content");
    chownSync(file, 1000, 50);
    chmodSync(file, 0o4750);
    for (const path of ["srv/data/deep/file", "srv/data/deep", "srv/data"])
      lutimesSync(join(layers[0] ?? "", path), MTIME, MTIME);
    await seed();
    expect(readFileSync(inVolume("deep/file"), "utf8")).toBe("content");
    expect(lstatSync(inVolume("deep/file"))).toMatchObject({ uid: 1000, gid: 50, mode: 0o104750, mtimeMs: MTIME * 1000 });
    expect([lstatSync(inVolume("deep")).mtimeMs, lstatSync(volume).mtimeMs]).toEqual([MTIME * 1000, MTIME * 1000]);
  });

  it("gets symbolic links, hard links and FIFOs as such, and names that are no UTF-8", async () => {
    const file = write(0, "srv/data/a");
    const source = dirname(file);
    linkSync(file, join(source, "b"));
    symlinkSync("/etc/shadow", join(source, "link"));
    lchownSync(join(source, "link"), 7, 8);
    execFileSync("mkfifo", ["-m", "0620", join(source, "fifo")]);
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0x41])]), "bytes");
    await seed();
    expect(statSync(inVolume("a"))).toMatchObject({ nlink: 2, ino: statSync(inVolume("b")).ino });
    expect(readlinkSync(inVolume("link"))).toBe("/etc/shadow");
    expect(lstatSync(inVolume("link"))).toMatchObject({ uid: 7, gid: 8 });
    expect(lstatSync(inVolume("fifo")).mode).toBe(0o010620);
    expect(readdirSync(volume, { encoding: "latin1" })).toContain("\xffA");
  });

  it("gets a file's capabilities, attributes and access list, and none that belongs to the host", async () => {
    const file = write(0, "srv/data/tool");
    execFileSync("setcap", ["cap_net_bind_service+ep", file]);
    execFileSync("setfattr", ["-n", "user.note", "-v", "kept", file]);
    execFileSync("setfattr", ["-n", "trusted.other", "-v", "lost", file]);
    await seed();
    expect(execFileSync("getcap", [inVolume("tool")], { encoding: "utf8" })).toContain("cap_net_bind_service=ep");
    expect(attribute(inVolume("tool"), "user.note")).toBe("kept");
    expect(attributes(inVolume("tool"))).not.toContain("trusted.other");
  });

  it("shows the layers as a container would: later ones cover, whiteouts hide, an opaque directory begins anew", async () => {
    for (const path of ["kept", "covered", "deleted", "opaque/old"]) write(0, `srv/data/${path}`, "below");
    write(1, "srv/data/covered", "above");
    write(1, "srv/data/opaque/new", "above");
    execFileSync("mknod", [join(layers[1] ?? "", "srv/data/deleted"), "c", "0", "0"]);
    execFileSync("setfattr", ["-n", "trusted.overlay.opaque", "-v", "y", join(layers[1] ?? "", "srv/data/opaque")]);
    await seed();
    expect(readdirSync(volume).toSorted()).toEqual(["covered", "kept", "opaque"]);
    expect(readdirSync(inVolume("opaque"))).toEqual(["new"]);
    expect([readFileSync(inVolume("kept"), "utf8"), readFileSync(inVolume("covered"), "utf8")]).toEqual(["below", "above"]);
    expect(attributes(inVolume("opaque"))).not.toContain("overlay");
  });

  it("is filled from an image of one layer, and from one of 120", async () => {
    write(0, "srv/data/first");
    await seed({ layers: layers.slice(0, 1) });
    expect(readdirSync(volume)).toEqual(["first"]);
    rmSync(inVolume("first"));
    const many = Array.from({ length: 120 }, (_, index) => join(folder, "layers", String(index)));
    for (const path of many) mkdirSync(path, { recursive: true });
    mkdirSync(join(many[119] ?? "", "srv/data"), { recursive: true });
    writeFileSync(join(many[119] ?? "", "srv/data/last"), "");
    await seed({ layers: many });
    expect(readdirSync(volume).toSorted()).toEqual(["first", "last"]);
  });

  it("is filled through the image's own links, which never lead out of it", async () => {
    write(0, "var/lib/app/file");
    symlinkSync("/var/lib", join(layers[0] ?? "", "link"));
    symlinkSync("../../../../../../etc", join(layers[0] ?? "", "out"));
    await seed({ target: "/link/app" });
    expect(readdirSync(volume)).toEqual(["file"]);
    rmSync(inVolume("file"));
    await seed({ target: "/out" });
    expect(readdirSync(volume)).toEqual([]);
  });

  it("has the owner and mode of the image's directory, be that empty", async () => {
    const source = join(layers[0] ?? "", "srv/data");
    mkdirSync(source, { recursive: true });
    chownSync(source, 999, 998);
    chmodSync(source, 0o1770);
    await seed();
    expect(statSync(volume)).toMatchObject({ uid: 999, gid: 998, mode: 0o041770 });
  });

  it.each([
    ["there is nothing at the target", "/nowhere"],
    ["there is a file at the target", "/srv/data/file"],
  ])("stays as it is where %s in the image", async (_, target) => {
    write(0, "srv/data/file");
    chmodSync(volume, 0o700);
    await seed({ target });
    expect(readdirSync(volume)).toEqual([]);
    expect(statSync(volume).mode & 0o7777).toBe(0o700);
  });

  it("is not filled when something is in it, nor when it may not be", async () => {
    write(0, "srv/data/file");
    await seed({ mayFill: async () => false });
    expect(readdirSync(volume)).toEqual([]);
    writeFileSync(inVolume("own"), "");
    await seed();
    expect(readdirSync(volume)).toEqual(["own"]);
  });

  it("leaves no mount, fd or mount point behind, whether it was filled or not", async () => {
    write(0, "srv/data/file");
    const before = [openFds(), readdirSync(folder)];
    await seed({ target: "/nowhere" });
    await expect(seed({ layers: [...layers, "/nowhere"] })).rejects.toThrow("ENOENT");
    await seed();
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
    expect([openFds(), readdirSync(folder)]).toEqual(before);
  });

  it("bears no mark when it is filled", async () => {
    write(0, "srv/data/file");
    await seed();
    expect(attributes(volume)).not.toContain("slipway");
  });

  it("that a crash left half filled is emptied and filled anew, by whoever comes next", async () => {
    for (let index = 0; index < 20; index++) write(0, `srv/data/${index}`);
    const stopping = new AbortController();
    const kernelThatDies = {
      attempt: kernel.attempt.bind(kernel),
      call: (...args: Parameters<typeof kernel.call>): number => {
        if (args[0] === "mknodat") stopping.abort(new Error("killed"));
        return kernel.call(...args);
      },
    };
    // Whatever the order of the names, others come after the first FIFO.
    for (const name of ["a", "b", "c"]) execFileSync("mkfifo", [join(layers[0] ?? "", "srv/data", name)]);
    const seeding = { volume, target: "/srv/data", layers, scratch: folder, mayFill: async () => true };
    await expect(seedVolume(kernelThatDies, seeding, stopping.signal)).rejects.toThrow("killed");
    expect(readdirSync(volume).length).toBeLessThan(23);
    expect(attributes(volume)).toContain("trusted.slipway.filling");

    writeFileSync(inVolume("half"), "of a copy");
    await seed({ mayFill: async () => false });
    expect(readdirSync(volume)).toHaveLength(23);
    expect(existsSync(inVolume("half"))).toBe(false);
    expect(attributes(volume)).not.toContain("slipway");
  });

  it("that was left half filled is empty for an image that has nothing for it", async () => {
    writeFileSync(inVolume("half"), "");
    execFileSync("setfattr", ["-n", "trusted.slipway.filling", "-v", "1", volume]);
    await seed({ layers: [] });
    expect(readdirSync(volume)).toEqual([]);
    expect(attributes(volume)).not.toContain("slipway");
  });

  it("that is too small says what could not be copied, and why", async () => {
    write(0, "srv/data/large", "x".repeat(1 << 20));
    using namespaces = new UserNamespaces(kernel);
    const mounts = new TmpfsMounts(kernel, new IdmapProbe(kernel, namespaces));
    mounts.mount(volume, { mode: 0o755, sizeBytes: 1 << 16 });
    try {
      await expect(seed()).rejects.toMatchObject({
        code: "SLIPWAY_CONTAINER_VOLUME_NOT_FILLED",
        message: expect.stringMatching(/\/srv\/data.*ENOSPC/),
      });
    } finally {
      mounts.unmount(volume);
    }
  });
});

function openFds(): string[] {
  return readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
      } catch {
        return "";
      }
    })
    .filter((entry) => entry !== "" && !entry.includes("/proc/"));
}
