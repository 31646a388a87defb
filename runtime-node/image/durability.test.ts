import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { openImageStore } from "./image-store.ts";
import { startLyingRegistry } from "./testing/lying-registry.ts";
import { smallImage, tarOf } from "./testing/small-image.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

/** Whether a file's content has its place on the disk, as ext4 and XFS say (FIEMAP_EXTENT_DELALLOC). */
const isOnDisk = (path: string): boolean =>
  !/delalloc|unknown_loc/.test(execFileSync("filefrag", ["-v", path], { encoding: "utf8" }));

test("when an image has its name, its blobs and its layers' files are on the disk", async ({ skip }) => {
  using directory = temporaryDirectory();
  const probe = join(directory.path, "probe");
  writeFileSync(probe, randomBytes(64 * 1024));
  skip(isOnDisk(probe), "the file system of the temporary folder does not tell what waits to be written");
  const files = ["one", "two"].map((name) => ({ name, content: randomBytes(64 * 1024) }));
  const image = smallImage([await tarOf(files)]);
  await using registry = await startLyingRegistry(image);
  await using store = await openImageStore({ directory: join(directory.path, "images"), kernel: new LinuxKernel() });
  const { layers } = await store.pull(`${registry.host}/app:1`, { signal: new AbortController().signal });
  const blobs = join(directory.path, "images/blobs/sha256");
  const written = [
    ...files.map(({ name }) => join(layers[0]!, name)),
    ...readdirSync(blobs).map((name) => join(blobs, name)),
  ];
  expect(written.filter((path) => !isOnDisk(path))).toEqual([]);
});
