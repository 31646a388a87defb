import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { describeHostImage } from "./host-image.ts";
import { prepareSkeleton } from "./skeleton.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";
import { tool } from "./testing/tool.ts";

const image = describeHostImage({ nodeBinary: process.execPath });

/** Runs a command on the image: skeleton and binds, in mount and user namespaces that go with the process. */
async function runOnHostImage(directory: string, ...command: string[]): Promise<string> {
  const root = await prepareSkeleton(join(directory, "roots"), image);
  const merged = join(directory, "merged");
  const empty = join(directory, "empty");
  for (const folder of [merged, empty]) mkdirSync(folder);
  const mounts = image.binds.map(({ source, target }) => `mount --bind -o ro '${source}' '${merged}${target}'`);
  const overlay = `mount -t overlay overlay -o ro,lowerdir=${root}:${empty} '${merged}'`;
  const script = [`set -e`, overlay, ...mounts, `exec chroot '${merged}' "$@"`].join("\n");
  return tool("unshare", "--mount", "env", "-i", ...image.environment, "/bin/sh", "-c", script, "sh", ...command);
}

test("a program of the host's runs on it", async () => {
  using directory = temporaryDirectory();
  expect(await runOnHostImage(directory.path, "sh", "-c", "echo hello | tr a-z A-Z")).toBe("HELLO\n");
});

test("the platform's own Node is on its PATH", async () => {
  using directory = temporaryDirectory();
  const version = await runOnHostImage(directory.path, "/opt/slipway/bin/node", "--version");
  expect(version.trim()).toBe(process.version);
  expect(image.environment).toContain("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/slipway/bin");
});

test("names of users are its own, and root and nobody are there", async () => {
  using directory = temporaryDirectory();
  expect(await runOnHostImage(directory.path, "sh", "-c", "id -un; getent passwd | cut -d: -f1")).toBe(
    "root\nroot\nnobody\n",
  );
});

test("nothing of the host's secrets and data is visible", async () => {
  using directory = temporaryDirectory();
  const listing = await runOnHostImage(
    directory.path,
    "sh",
    "-c",
    "ls -A /root /home /var /run /srv /mnt; ls /etc; cat /etc/shadow 2>&1 || true",
  );
  expect(listing).not.toMatch(/shadow-|ssh|sudoers|hostname|machine-id|\.bash/);
  expect(listing).toContain("No such file");
  expect(listing).toMatch(/\/root:\n\n\/run:\n\n/);
});

test("only /usr, what belongs to it, certificates and Node come from the host, all read-only", () => {
  const allowed = /^\/(?:usr|bin|sbin|lib\w*|opt\/slipway\/bin\/node|etc\/alternatives|etc\/ssl\/certs|etc\/pki\/.*)$/;
  for (const { target, readOnly } of image.binds) {
    expect(target).toMatch(allowed);
    expect(readOnly).toBe(true);
  }
});

test("every mount point and every mode is part of the skeleton", async () => {
  using directory = temporaryDirectory();
  const root = await prepareSkeleton(directory.path, image);
  for (const { target } of image.binds) expect(statSync(join(root, dirname(target))).isDirectory()).toBe(true);
  expect(statSync(join(root, "tmp")).mode & 0o7777).toBe(0o1777);
  expect(statSync(join(root, "root")).mode & 0o7777).toBe(0o700);
  expect(readFileSync(join(root, "etc/passwd"), "utf8")).toMatch(/^root:x:0:0:/);
});

test("the skeleton is made once for each content, by several launches at once too", async () => {
  using directory = temporaryDirectory();
  const roots = await Promise.all([1, 2, 3].map(() => prepareSkeleton(directory.path, image)));
  expect(new Set(roots).size).toBe(1);
  mkdirSync(join(directory.path, ".making-1-of-a-killed-process"));
  const changed = { ...image, files: image.files.slice(1) };
  expect(await prepareSkeleton(directory.path, changed)).not.toBe(roots[0]);
  expect(readdirSync(directory.path)).toHaveLength(2);
});

test("without the platform's Node there is no host image", () => {
  expect(() => describeHostImage({ nodeBinary: "/missing/node" })).toThrow(
    expect.objectContaining({ code: "SLIPWAY_IMAGE_HOST_UNUSABLE" }),
  );
});
