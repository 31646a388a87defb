import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeCpio } from "./cpio.ts";

test("cpio(1) unpacks what is written, with folders, modes and contents of any length", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-cpio-"));
  try {
    const contents = ["", "a", "ab", "abc", "abcd"].map((text) => Buffer.from(text));
    const files = contents.map((content, index) => ({ path: `bin/file${index}`, mode: 0o751, content }));
    execFileSync("cpio", ["--extract", "--quiet", "--directory", folder], { input: writeCpio(["bin", "proc"], files) });
    for (const { path, content } of files) {
      expect(await readFile(join(folder, path))).toEqual(content);
      expect((await stat(join(folder, path))).mode & 0o7777).toBe(0o751);
    }
    expect((await stat(join(folder, "proc"))).isDirectory()).toBe(true);
  } finally {
    await chmod(folder, 0o700);
    await rm(folder, { recursive: true });
  }
});
