import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { check, LIMIT_MS } from "#test/fuzz/check.ts";
import { digestOf } from "./digest.ts";
import type { Compression } from "./media-types.ts";
import { tarOf, type TarItem } from "./testing/small-image.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";
import { unpackLayer } from "./unpack-layer.ts";

const kernel = new LinuxKernel();
const { signal } = new AbortController();
const RUNS = { numRuns: 250 };

/** Names that climb, hide, repeat and are too long; OUTSIDE stands for a folder beside the layer's root. */
const segment = fc.constantFrom(
  "a",
  "b",
  "c",
  "..",
  ".",
  "",
  ".wh.a",
  ".wh.b",
  ".wh..wh..opq",
  ".wh...",
  "x".repeat(255),
  "y".repeat(300),
);
const relative = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const path = fc.oneof(
  { weight: 6, arbitrary: relative },
  relative.map((name) => `/${name}`),
  fc.constantFrom("OUTSIDE", "OUTSIDE/canary", "OUTSIDE/new", "/", "../outside/canary", "../../outside"),
);
const anyItem = fc.record({
  name: path,
  type: fc.constantFrom<NonNullable<TarItem["type"]>[]>(
    "file",
    "file",
    "directory",
    "symlink",
    "link",
    "fifo",
    "character-device",
  ),
  linkname: path,
  mode: fc.constantFrom(0, 0o644, 0o4755, 0o7777),
  uid: fc.constantFrom(0, 1000, 65_536),
  content: fc.constantFrom("", "x", "planted".repeat(100)),
});

const item: fc.Arbitrary<TarItem> = anyItem.map((each): TarItem => ({
  ...each,
  content: each.type === "file" ? each.content : "",
}));

/** A kept corpus: what once needed thought. */
const CORPUS: TarItem[][] = [
  [
    { name: "a", type: "symlink", linkname: "OUTSIDE" },
    { name: "a/canary", type: "link", linkname: "a/canary" },
    { name: "a/new", content: "planted" },
  ],
  [
    { name: "a/", type: "directory" },
    { name: "a/b", content: "x" },
    { name: "a", type: "symlink", linkname: "../outside" },
    { name: "a/b", content: "planted" },
  ],
  [
    { name: "a", type: "symlink", linkname: "b" },
    { name: "b", type: "symlink", linkname: "OUTSIDE" },
    { name: "c", type: "link", linkname: "a" },
    { name: "c", content: "planted" },
    { name: "a/.wh.canary", content: "" },
  ],
  [
    { name: "a/b/", type: "directory" },
    { name: "a/.wh.b", content: "" },
    { name: "a/b", type: "symlink", linkname: "../../outside" },
    { name: "a/b/canary", content: "planted" },
    { name: "a/b/.wh..wh..opq", content: "" },
  ],
];

/** A root to unpack into, and beside it what must not change. */
class Jail {
  readonly directory: string;
  readonly outside: string;
  #count = 0;

  constructor(directory: string) {
    this.directory = directory;
    this.outside = join(directory, "outside");
    mkdirSync(this.outside);
    writeFileSync(join(this.outside, "canary"), "alive");
  }

  /** Undefined when it went well, or the error. */
  async unpack(archive: Buffer, compression: Compression = "none"): Promise<unknown> {
    const number = this.#count++;
    const blob = join(this.directory, "blob");
    writeFileSync(blob, compression === "gzip" ? gzipSync(archive) : archive);
    const root = join(this.directory, `root${number}`);
    mkdirSync(root, { mode: 0o700 });
    const request = { kernel, blob, compression, diffId: digestOf(archive), root, lowers: [], signal };
    const outcome = await unpackLayer(request).then(
      () => undefined,
      (error: unknown) => error,
    );
    this.#check(number);
    return outcome;
  }

  #check(number: number): void {
    expect(readFileSync(join(this.outside, "canary"), "utf8")).toBe("alive");
    expect(readdirSync(this.outside)).toEqual(["canary"]);
    const expected = ["blob", "outside", ...Array.from({ length: number + 1 }, (_, index) => `root${index}`)];
    expect(readdirSync(this.directory).toSorted()).toEqual(expected.toSorted());
  }
}

function expectRefusedOrFine(outcome: unknown): void {
  if (outcome === undefined) return;
  expect(outcome).toBeInstanceOf(SlipwayError);
  expect((outcome as SlipwayError).code).toMatch(/^SLIPWAY_IMAGE_(LAYER_ESCAPES|CORRUPT_LAYER|LAYER_TOO_LARGE)$/);
}

const placed = (items: TarItem[], outside: string): TarItem[] =>
  items.map((entry) => ({
    ...entry,
    name: entry.name.replace("OUTSIDE", outside),
    ...(entry.linkname === undefined || entry.linkname === null
      ? {}
      : { linkname: entry.linkname.replace("OUTSIDE", outside) }),
  }));

test(
  "whatever entries a layer has, it is unpacked or refused with a code, and nothing beside its root changes",
  async () => {
    using directory = temporaryDirectory();
    const jail = new Jail(directory.path);
    const property = fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 8 }), async (items) => {
      const archive = await tarOf(placed(items, jail.outside)).catch(() => undefined);
      // The writer refuses some names that it has no header for.
      if (archive !== undefined) expectRefusedOrFine(await jail.unpack(archive));
    });
    await check(property, { ...RUNS, examples: CORPUS.map((items) => [items]) });
  },
  LIMIT_MS,
);

test(
  "whatever bytes are changed in an archive, it is unpacked or refused with a code",
  async () => {
    using directory = temporaryDirectory();
    const jail = new Jail(directory.path);
    const seeds = await Promise.all(CORPUS.map((items) => tarOf(placed(items, jail.outside))));
    const change = fc.record({ at: fc.nat(4095), byte: fc.nat(255), mends: fc.boolean() });
    const property = fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      async (seed, changes) => {
        const archive = Buffer.from(seed);
        for (const { at, byte, mends } of changes) {
          const place = at % archive.byteLength;
          archive[place] = byte;
          // A right checksum lets the change come further than the first look.
          if (mends) mendChecksum(archive, Math.floor(place / 512) * 512);
        }
        expectRefusedOrFine(await jail.unpack(archive));
      },
    );
    await check(property, RUNS);
  },
  LIMIT_MS,
);

test(
  "an archive cut anywhere before its content's end is refused",
  async () => {
    using directory = temporaryDirectory();
    const jail = new Jail(directory.path);
    const archive = await tarOf([{ name: "a", content: "x".repeat(1000) }]);
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 512 + 999 }), async (length) => {
      if (length % 512 === 0) return;
      expect(await jail.unpack(archive.subarray(0, length))).toMatchObject({ code: "SLIPWAY_IMAGE_CORRUPT_LAYER" });
    });
    await check(property, { numRuns: 60 });
  },
  LIMIT_MS,
);

test("a small download that unpacks without end is ended, at a gibibyte", async () => {
  using directory = temporaryDirectory();
  const blob = join(directory.path, "bomb");
  writeFileSync(blob, bomb(1100 * 1024 * 1024));
  const root = join(directory.path, "root");
  mkdirSync(root);
  const request = {
    kernel,
    blob,
    compression: "gzip",
    diffId: digestOf("never reached"),
    root,
    lowers: [],
    signal,
  } as const;
  await expect(unpackLayer(request)).rejects.toMatchObject({ code: "SLIPWAY_IMAGE_LAYER_TOO_LARGE" });
});

/** Gzip members of the same zeros, one after the other (RFC 1952, section 2.2), behind a header whose entry asks for them. */
function bomb(bytes: number): Buffer {
  const header = Buffer.alloc(512);
  header.write("zeros", 0);
  header.write("0000644\0", 100);
  header.write(`${bytes.toString(8).padStart(11, "0")}\0`, 124);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  mendChecksum(header, 0);
  const megabyte = gzipSync(Buffer.alloc(1024 * 1024));
  return Buffer.concat([gzipSync(header), ...Array.from({ length: bytes / (1024 * 1024) }, () => megabyte)]);
}

function mendChecksum(archive: Buffer, start: number): void {
  const block = archive.subarray(start, start + 512);
  block.write(" ".repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}
