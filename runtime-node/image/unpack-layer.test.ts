import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { digestOf } from "./digest.ts";
import type { Compression } from "./media-types.ts";
import { tarOf, type TarItem } from "./testing/small-image.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";
import { unpackLayer } from "./unpack-layer.ts";

const kernel = new LinuxKernel();
const { signal } = new AbortController();

async function unpackArchive(
  directory: string,
  archive: Buffer,
  options: { compression?: Compression; diffId?: string; lowers?: string[] } = {},
): Promise<string> {
  const { compression = "none", diffId = digestOf(archive), lowers = [] } = options;
  const blob = join(directory, `blob-${readdirSync(directory).length}`);
  const pack = { none: (data: Buffer) => data, gzip: gzipSync, zstd: zstdCompressSync }[compression];
  writeFileSync(blob, pack(archive));
  const root = join(directory, `root-${readdirSync(directory).length}`);
  mkdirSync(root, { mode: 0o700 });
  await unpackLayer({ kernel, blob, compression, diffId, root, lowers, signal });
  return root;
}

async function unpack(directory: string, items: TarItem[], lowers: string[] = []): Promise<string> {
  return unpackArchive(directory, await tarOf(items), { lowers });
}

const refusal = (code: string): object => expect.objectContaining({ code });
const ESCAPES = refusal("SLIPWAY_IMAGE_LAYER_ESCAPES");
const CORRUPT = refusal("SLIPWAY_IMAGE_CORRUPT_LAYER");

test.each(["none", "gzip", "zstd"] as const)("unpacks a layer with the compression %s", async (compression) => {
  using directory = temporaryDirectory();
  const archive = await tarOf([{ name: "etc/motd", content: "hello\n", mode: 0o640 }]);
  const root = await unpackArchive(directory.path, archive, { compression });
  expect(readFileSync(join(root, "etc/motd"), "utf8")).toBe("hello\n");
  expect(statSync(join(root, "etc/motd")).mode & 0o7777).toBe(0o640);
});

test("keeps owners, setuid bits and times, a directory's too", async () => {
  using directory = temporaryDirectory();
  const mtime = new Date("2001-02-03T04:05:06Z");
  const root = await unpack(directory.path, [
    { name: "bin/", type: "directory", mode: 0o1755, uid: 7, gid: 8, mtime },
    { name: "bin/su", content: "x", mode: 0o4755, uid: 1000, gid: 1001, mtime },
    { name: "bin/ln", type: "symlink", linkname: "su", uid: 5, gid: 6, mtime },
  ]);
  const file = lstatSync(join(root, "bin/su"));
  expect([file.mode & 0o7777, file.uid, file.gid, file.mtime]).toEqual([0o4755, 1000, 1001, mtime]);
  const link = lstatSync(join(root, "bin/ln"));
  expect([link.uid, link.gid, link.mtime]).toEqual([5, 6, mtime]);
  const folder = lstatSync(join(root, "bin"));
  expect([folder.mode & 0o7777, folder.uid, folder.gid, folder.mtime]).toEqual([0o1755, 7, 8, mtime]);
});

test("turns whiteouts into devices 0:0", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [{ name: "etc/.wh.gone", content: "" }]);
  const device = lstatSync(join(root, "etc/gone"));
  expect([device.isCharacterDevice(), device.rdev]).toEqual([true, 0]);
});

test("marks opaque directories for overlayfs", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: "var/", type: "directory" },
    { name: "var/.wh..wh..opq", content: "" },
  ]);
  expect(readAttribute(join(root, "var"), "trusted.overlay.opaque")).toBe("y");
  expect(readdirSync(join(root, "var"))).toEqual([]);
});

test("a whiteout and a new directory of the same name make an opaque directory", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: ".wh.data", content: "" },
    { name: "data/new", content: "1" },
  ]);
  expect(readAttribute(join(root, "data"), "trusted.overlay.opaque")).toBe("y");
});

test("a whiteout and a new file of the same name leave the file", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: ".wh.a", content: "" },
    { name: "a", content: "1" },
    { name: "b", content: "2" },
    { name: ".wh.b", content: "" },
  ]);
  expect([readFileSync(join(root, "a"), "utf8"), readFileSync(join(root, "b"), "utf8")]).toEqual(["1", "2"]);
});

test("a parent without an entry of its own keeps the mode and owner that it has below", async () => {
  using directory = temporaryDirectory();
  const below = await unpack(directory.path, [{ name: "tmp/", type: "directory", mode: 0o1777, uid: 3, gid: 4 }]);
  const root = await unpack(directory.path, [{ name: "tmp/sub/file", content: "" }], [below]);
  const folder = statSync(join(root, "tmp"));
  expect([folder.mode & 0o7777, folder.uid, folder.gid]).toEqual([0o1777, 3, 4]);
  expect(statSync(join(root, "tmp/sub")).mode & 0o7777).toBe(0o755);
});

test("makes fifos, devices and hard links", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: "pipe", type: "fifo", mode: 0o622 },
    { name: "null", type: "character-device", devmajor: 1, devminor: 3, mode: 0o666 },
    { name: "disk", type: "block-device", devmajor: 259, devminor: 300, mode: 0o660 },
    { name: "one", content: "same" },
    { name: "two", type: "link", linkname: "one" },
  ]);
  expect(lstatSync(join(root, "pipe")).isFIFO()).toBe(true);
  expect(lstatSync(join(root, "null")).rdev).toBe((1 << 8) | 3);
  expect(lstatSync(join(root, "disk")).rdev).toBe((259 << 8) | (300 & 0xff) | ((300 & ~0xff) << 12));
  expect(statSync(join(root, "one")).ino).toBe(statSync(join(root, "two")).ino);
});

test("keeps the bytes of a file capability and drops what would steer overlayfs", async () => {
  using directory = temporaryDirectory();
  const capability = Buffer.from("0100000280000000000000000000000000000000", "hex");
  const archive = archiveWithAttributes("ping", {
    "security.capability": capability,
    "user.note": Buffer.from("ok"),
    "trusted.overlay.redirect": Buffer.from("/etc"),
  });
  const root = await unpackArchive(directory.path, archive);
  expect(readAttribute(join(root, "ping"), "security.capability", "hex")).toBe(capability.toString("hex"));
  expect(readAttribute(join(root, "ping"), "user.note")).toBe("ok");
  expect(readAttribute(join(root, "ping"), "trusted.overlay.redirect")).toBe("ENODATA");
});

test("keeps names of any length and of any bytes", async () => {
  using directory = temporaryDirectory();
  const long = `${"d".repeat(200)}/${"f".repeat(200)}`;
  const root = await unpack(directory.path, [
    { name: long, content: "long" },
    { name: "ünïcödé", content: "utf-8" },
    { name: "to", type: "symlink", linkname: `x/${"l".repeat(150)}` },
  ]);
  expect(readFileSync(join(root, long), "utf8")).toBe("long");
  expect(readFileSync(join(root, "ünïcödé"), "utf8")).toBe("utf-8");
  expect(readlinkSync(join(root, "to"))).toBe(`x/${"l".repeat(150)}`);
});

test("a later entry replaces an earlier one of another type", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: "a/deep/file", content: "1" },
    { name: "a", content: "now a file" },
    { name: "b", type: "symlink", linkname: "/etc/passwd" },
    { name: "b", content: "mine" },
  ]);
  expect(readFileSync(join(root, "a"), "utf8")).toBe("now a file");
  expect(lstatSync(join(root, "b")).isFile()).toBe(true);
});

test("follows a symlinked parent inside of the layer's root, as a container would", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: "usr/lib/", type: "directory" },
    { name: "lib", type: "symlink", linkname: "/usr/lib" },
    { name: "lib/libc.so", content: "elf" },
    { name: "var/run", type: "symlink", linkname: "/run" },
    { name: "var/run/lock/file", content: "locked" },
    { name: "deep/link", type: "symlink", linkname: "../usr" },
    { name: "deep/link/bin/sh", content: "sh" },
  ]);
  expect(readFileSync(join(root, "usr/lib/libc.so"), "utf8")).toBe("elf");
  expect(readFileSync(join(root, "usr/bin/sh"), "utf8")).toBe("sh");
  expect(readFileSync(join(root, "run/lock/file"), "utf8")).toBe("locked");
});

test("an absolute name lies under the layer's root", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [{ name: "/slipway-absolute/file", content: "x" }]);
  expect(readFileSync(join(root, "slipway-absolute/file"), "utf8")).toBe("x");
  expect(lstatSync("/slipway-absolute", { throwIfNoEntry: false })).toBeUndefined();
});

test.each<[string, TarItem[]]>([
  ["a name that climbs", [{ name: "../outside", content: "x" }]],
  ["a name that goes in and climbs further out", [{ name: "a/../../outside", content: "x" }]],
  ["a whiteout that climbs", [{ name: "../.wh.outside", content: "" }]],
  [
    "a parent that is a symlink out",
    [
      { name: "out", type: "symlink", linkname: "../.." },
      { name: "out/outside", content: "x" },
    ],
  ],
  [
    "a hard link through a symlink out",
    [
      { name: "out", type: "symlink", linkname: "../../../etc" },
      { name: "shadow", type: "link", linkname: "out/shadow" },
    ],
  ],
  ["a hard link that climbs", [{ name: "shadow", type: "link", linkname: "../../etc/shadow" }]],
])("refuses %s, and writes nothing outside", async (_, items) => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, "outside"), "before");
  await expect(unpack(directory.path, items)).rejects.toEqual(ESCAPES);
  expect(readFileSync(join(directory.path, "outside"), "utf8")).toBe("before");
});

test("a symlink to the host's root leads to the layer's root", async () => {
  using directory = temporaryDirectory();
  const outside = join(directory.path, "outside");
  mkdirSync(outside);
  const root = await unpack(directory.path, [
    { name: "out", type: "symlink", linkname: outside },
    { name: "out/planted", content: "x" },
  ]);
  expect(readdirSync(outside)).toEqual([]);
  expect(readFileSync(join(root, outside, "planted"), "utf8")).toBe("x");
});

test("a hard link to a symlink never reaches what the symlink names", async () => {
  using directory = temporaryDirectory();
  const root = await unpack(directory.path, [
    { name: "s", type: "symlink", linkname: "/etc/shadow" },
    { name: "h", type: "link", linkname: "s" },
    { name: "h", content: "overwritten" },
  ]);
  expect(lstatSync(join(root, "h")).isFile()).toBe(true);
  expect(readFileSync("/etc/shadow", "utf8")).not.toContain("overwritten");
});

test("a directory that becomes a symlink takes its attributes with it", async () => {
  using directory = temporaryDirectory();
  const outside = join(directory.path, "outside");
  mkdirSync(join(outside, "b"), { recursive: true, mode: 0o700 });
  await unpack(directory.path, [
    { name: "a/b/", type: "directory", mode: 0o777, uid: 99, gid: 99 },
    { name: "a", type: "symlink", linkname: outside },
  ]);
  expect(statSync(join(outside, "b"))).toMatchObject({ uid: 0, gid: 0 });
  expect(statSync(join(outside, "b")).mode & 0o7777).toBe(0o700);
});

test.each<[string, TarItem[]]>([
  ["a hard link to nothing", [{ name: "a", type: "link", linkname: "missing" }]],
  [
    "a loop of symlinks",
    [
      { name: "a", type: "symlink", linkname: "b" },
      { name: "b", type: "symlink", linkname: "a" },
      { name: "a/x", content: "" },
    ],
  ],
  [
    "a file as a parent",
    [
      { name: "a", content: "file" },
      { name: "a/b", content: "" },
    ],
  ],
  ["a file as the root", [{ name: "./", type: "symlink", linkname: "/etc" }]],
  ["a whiteout of the parent", [{ name: ".wh...", content: "" }]],
])("refuses %s", async (_, items) => {
  using directory = temporaryDirectory();
  await expect(unpack(directory.path, items)).rejects.toEqual(CORRUPT);
});

test("refuses an archive that is cut off, garbled, or not one", async () => {
  using directory = temporaryDirectory();
  const archive = await tarOf([{ name: "file", content: "x".repeat(5000) }]);
  await expect(unpackArchive(directory.path, archive.subarray(0, 2000))).rejects.toEqual(CORRUPT);
  const garbled = Buffer.from(archive);
  garbled[0] = 0xff;
  await expect(unpackArchive(directory.path, garbled)).rejects.toEqual(CORRUPT);
  await expect(unpackArchive(directory.path, Buffer.alloc(4096, "no tar "))).rejects.toEqual(CORRUPT);
});

test("takes an archive whose end has no padding, as umoci writes it", async () => {
  using directory = temporaryDirectory();
  const archive = (await tarOf([{ name: "file", content: "x".repeat(700) }])).subarray(0, 512 + 700);
  const root = await unpackArchive(directory.path, archive);
  expect(readFileSync(join(root, "file"), "utf8")).toBe("x".repeat(700));
});

test("refuses a layer whose diff id is not what the config says", async () => {
  using directory = temporaryDirectory();
  const archive = await tarOf([{ name: "file", content: "x" }]);
  const options = { diffId: digestOf("something else") };
  await expect(unpackArchive(directory.path, archive, options)).rejects.toEqual(refusal("SLIPWAY_IMAGE_DIGEST_MISMATCH"));
});

/** A pax header with values that are no UTF-8, which tar-stream cannot write. */
function archiveWithAttributes(name: string, attributes: Record<string, Buffer>): Buffer {
  const records = Object.entries(attributes).map(([key, value]) => paxRecord(`SCHILY.xattr.${key}`, value));
  const pax = Buffer.concat(records);
  return Buffer.concat([
    tarBlock("PaxHeader", "x", pax.byteLength),
    padded(pax),
    tarBlock(name, "0", 0),
    Buffer.alloc(1024),
  ]);
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = key.length + value.byteLength + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.byteLength % 512)) % 512)]);
}

function tarBlock(name: string, type: string, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write("0000755\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  block.write(" ".repeat(8), 148);
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function readAttribute(path: string, name: string, encoding: BufferEncoding = "utf8"): string {
  const value = Buffer.alloc(1024);
  const length = kernel.attempt("lgetxattr", path, name, value, value.byteLength);
  return length < 0 ? "ENODATA" : value.toString(encoding, 0, length);
}
