import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { PullProgress } from "#contracts/api.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { digestOf } from "./digest.ts";
import { type ImageStore, type ImageStoreOptions, openImageStore } from "./image-store.ts";
import { buildBusyboxLayout } from "./testing/busybox-layout.ts";
import { startRegistry, type TestRegistry } from "./testing/registry.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";
import { tool } from "./testing/tool.ts";

const kernel = new LinuxKernel();
const { signal } = new AbortController();
const CONFIG = [
  "--config.user=1000:1000",
  "--config.workingdir=/srv",
  "--config.entrypoint=/bin/echo",
  "--config.stopsignal=SIGINT",
  "--config.exposedports=80/tcp",
  "--config.volume=/data",
  "--config.label=made.by=test",
];
let directory: string;
let layout: string;
let registry: TestRegistry;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-images-"));
  layout = join(directory, "layout");
  registry = await startRegistry();
  await buildBusyboxLayout(layout, {
    tag: "1",
    config: CONFIG,
    async change(rootfs) {
      await tool("setcap", "cap_setuid,cap_net_raw+ep", join(rootfs, "bin/busybox"));
      await tool("ln", join(rootfs, "bin/busybox"), join(rootfs, "bin/ash"));
      await tool("chmod", "4755", join(rootfs, "bin/ash"));
      await tool("mkfifo", join(rootfs, "tmp/pipe"));
      await tool("chown", "1000:1000", join(rootfs, "tmp/pipe"));
      await writeFile(join(rootfs, "etc/gone"), "1");
    },
    async secondLayer(rootfs) {
      await rm(join(rootfs, "etc/gone"));
      await writeFile(join(rootfs, "etc/added"), "2");
    },
  });
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function openStore(options: Partial<ImageStoreOptions> = {}): Promise<{ store: ImageStore; path: string }> {
  const folder = temporaryDirectory();
  onTestFinished(() => folder[Symbol.dispose]());
  const path = join(folder.path, "images");
  const store = await openImageStore({ directory: path, kernel, ...options });
  onTestFinished(() => store[Symbol.asyncDispose]());
  return { store, path };
}

test.each<[string, string[]]>([
  ["gzip layers", []],
  ["zstd layers", ["--dest-compress", "--dest-compress-format", "zstd"]],
  ["docker's schema 2", ["--format", "v2s2"]],
])("pulls an image with %s from a real registry", async (name, options) => {
  const reference = await registry.push(`oci:${layout}:1`, `team/${name.replaceAll(/\W/g, "-")}:1`, ...options);
  const { store } = await openStore();
  const progress: PullProgress[] = [];
  const image = await store.pull(reference, { signal, onProgress: (step) => progress.push(step) });
  expect(image).toMatchObject({ reference, architecture: "amd64", layers: [expect.any(String), expect.any(String)] });
  expect(readFileSync(join(image.layers[1] as string, "etc/added"), "utf8")).toBe("2");
  expect(progress[0]?.phase).toBe("resolving");
  const downloaded = progress.filter(({ phase }) => phase === "downloading").at(-1);
  expect(downloaded?.doneBytes).toBe(downloaded?.totalBytes);
  expect(progress.at(-1)).toMatchObject({ phase: "done", image: { reference, layers: 2 } });
});

test("reads what the image says about its process", async () => {
  const { store } = await openStore();
  const image = await store.pull(await registry.push(`oci:${layout}:1`, "config:1"), { signal });
  expect(image.config).toEqual({
    user: "1000:1000",
    env: ["PATH=/bin"],
    workingDir: "/srv",
    entrypoint: ["/bin/echo"],
    command: ["sh"],
    labels: { "made.by": "test" },
    stopSignal: "SIGINT",
    exposedPorts: ["80/tcp"],
    volumes: ["/data"],
  });
});

test("takes this machine's image out of an index", async () => {
  const multi = await buildIndex();
  const reference = await registry.push(`oci:${multi}:all`, "multi:1", "--all");
  const { store } = await openStore();
  const image = await store.pull(reference, { signal });
  const expected = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  expect(image.digest).toBe(expected.manifests[0]?.digest);
});

test("an index without this machine's platform says what there is", async () => {
  const multi = await buildIndex(["riscv64", "s390x"]);
  const reference = await registry.push(`oci:${multi}:all`, "foreign:1", "--all");
  const { store } = await openStore();
  await expect(store.pull(reference, { signal })).rejects.toMatchObject({
    code: "SLIPWAY_IMAGE_UNSUPPORTED_PLATFORM",
    message: expect.stringContaining("linux/riscv64, linux/s390x"),
  });
});

test("an image that is not there says which tags there are", async () => {
  await registry.push(`oci:${layout}:1`, "tagged:known");
  const { store } = await openStore();
  await expect(store.pull(`${registry.host}/tagged:unknown`, { signal })).rejects.toMatchObject({
    code: "SLIPWAY_IMAGE_NOT_FOUND",
    message: expect.stringContaining("known"),
  });
});

test("logs in with the credentials of docker's config, and is refused without", async () => {
  // bcrypt of "secret"
  const htpasswd = "test:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
  await using locked = await startRegistry({ htpasswd });
  const reference = await locked.push(`oci:${layout}:1`, "private:1", "--dest-creds", "test:secret");
  const folder = temporaryDirectory();
  onTestFinished(() => folder[Symbol.dispose]());
  const dockerConfig = join(folder.path, "config.json");
  const { store } = await openStore({ registry: { dockerConfig } });
  await expect(store.pull(reference, { signal })).rejects.toMatchObject({ code: "SLIPWAY_IMAGE_UNAUTHORIZED" });
  writeFileSync(dockerConfig, JSON.stringify({ auths: { [locked.host]: { auth: btoa("test:secret") } } }));
  expect((await store.pull(reference, { signal })).layers).toHaveLength(2);
});

test("unpacks the same tree as umoci", async () => {
  const { store } = await openStore();
  const [image] = await store.importFrom(layout, { signal, reference: "tree" });
  const bundle = join(directory, "bundle");
  await tool("umoci", "unpack", "--image", `${layout}:1`, bundle);
  const merged = join(directory, "merged");
  mkdirSync(merged);
  const lowers = image?.layers.toReversed().join(":");
  await tool("mount", "-t", "overlay", "overlay", "-o", `ro,lowerdir=${lowers}`, merged);
  try {
    expect(await describeTree(merged)).toEqual(await describeTree(join(bundle, "rootfs")));
  } finally {
    await tool("umount", merged);
  }
});

test("imports an OCI layout from a folder and from a tar, each image under its own name", async () => {
  const archive = join(directory, "archive.tar");
  await tool("tar", "-C", layout, "-cf", archive, ".");
  const { store } = await openStore();
  await store.importFrom(layout, { signal });
  await store.importFrom(archive, { signal });
  expect(store.list().map(({ reference }) => reference)).toEqual(["layout:1", "archive:1"]);
  expect(new Set(store.list().map(({ digest }) => digest)).size).toBe(1);
});

test("imports an archive of docker save, also a compressed one", async () => {
  const archive = join(directory, "saved.tar");
  await tool("skopeo", "copy", "--quiet", "--insecure-policy", `oci:${layout}:1`, `docker-archive:${archive}:team/saved:7`);
  await tool("gzip", "--keep", archive);
  const { store } = await openStore();
  const [image] = await store.importFrom(`${archive}.gz`, { signal });
  expect(image).toMatchObject({ reference: "team/saved:7", config: { user: "1000:1000" } });
  expect(readFileSync(join(image?.layers[1] as string, "etc/added"), "utf8")).toBe("2");
});

test("a file that is no image is refused, and nothing is left", async () => {
  const { store, path } = await openStore();
  writeFileSync(join(path, "..", "text"), "hello");
  for (const file of [join(path, "..", "text"), join(path, "..", "missing"), "/etc"]) {
    await expect(store.importFrom(file, { signal })).rejects.toMatchObject({ code: "SLIPWAY_IMAGE_NOT_AN_ARCHIVE" });
  }
  expect(readdirSync(join(path, "tmp"))).toEqual([]);
});

test("a saved image whose manifest names files outside of its folder is refused", async () => {
  const { store, path } = await openStore();
  const folder = join(path, "..", "saved");
  mkdirSync(folder);
  writeFileSync(join(path, "..", "secret"), "{}");
  writeFileSync(join(folder, "manifest.json"), JSON.stringify([{ Config: "../secret", RepoTags: ["a:1"], Layers: [] }]));
  await expect(store.importFrom(folder, { signal })).rejects.toMatchObject({
    code: "SLIPWAY_IMAGE_INVALID_MANIFEST",
    message: expect.stringContaining("lacks its file ../secret"),
  });
});

test("an image resolves by name and by digest, after a restart too", async () => {
  const { store, path } = await openStore();
  const [image] = await store.importFrom(layout, { signal, reference: "app:1" });
  await store[Symbol.asyncDispose]();
  await using again = await openImageStore({ directory: path, kernel });
  expect(await again.resolve("docker.io/library/app:1")).toEqual(image);
  expect(await again.resolve(image?.digest as string)).toEqual(image);
  expect(await again.resolve("app:2")).toBeUndefined();
});

test("removing an image frees what no other image holds", async () => {
  const { store, path } = await openStore();
  const [image] = await store.importFrom(layout, { signal, reference: "app:1" });
  await store.importFrom(layout, { signal, reference: "app:2" });
  await store.remove("app:1");
  expect(existsSync(image?.layers[0] as string)).toBe(true);
  await store.remove("app:2");
  expect(["layers", "blobs/sha256", "tmp"].flatMap((name) => readdirSync(join(path, name)))).toEqual([]);
  await expect(store.remove("app:2")).rejects.toMatchObject({ code: "SLIPWAY_IMAGE_NOT_FOUND" });
});

test("an image in use is not removed, nor collected when its name moves to another", async () => {
  const used = new Set<string>();
  const { store } = await openStore({ inUse: (digest) => used.has(digest) });
  const [old] = await store.importFrom(layout, { signal, reference: "app" });
  used.add(old?.digest as string);
  await expect(store.remove("app")).rejects.toMatchObject({ code: "SLIPWAY_IMAGE_IN_USE" });
  const other = join(directory, "other");
  await buildBusyboxLayout(other, { tag: "1" });
  await store.importFrom(other, { signal, reference: "app" });
  expect(existsSync(old?.layers[1] as string)).toBe(true);
  expect(await store.resolve(old?.digest as string)).toBeDefined();
  used.clear();
  await store.remove("app");
  expect(store.list()).toEqual([]);
});

test("what a killed process left is cleaned up when the store opens", async () => {
  const { store, path } = await openStore();
  const [image] = await store.importFrom(layout, { signal, reference: "app" });
  await store[Symbol.asyncDispose]();
  mkdirSync(join(path, "tmp/half/etc"), { recursive: true });
  writeFileSync(join(path, "blobs/sha256", "a".repeat(64)), "of a pull that did not end");
  mkdirSync(join(path, "layers", "b".repeat(64)));
  await using again = await openImageStore({ directory: path, kernel });
  expect(readdirSync(join(path, "tmp"))).toEqual([]);
  expect(readdirSync(join(path, "layers")).toSorted()).toEqual(image?.layers.map((layer) => layer.slice(-64)).toSorted());
  expect(readdirSync(join(path, "blobs/sha256"))).not.toContain("a".repeat(64));
  expect(await again.resolve("app")).toEqual(image);
});

test("a broken images.json is an error that says so, not an empty store", async () => {
  const { store, path } = await openStore();
  await store[Symbol.asyncDispose]();
  writeFileSync(join(path, "images.json"), "{");
  await expect(openImageStore({ directory: path, kernel })).rejects.toMatchObject({ code: "SLIPWAY_IMAGE_STORE_CORRUPT" });
});

/** The layout's image once for each architecture, under one index; only the first is its true one. */
async function buildIndex(architectures = ["amd64", "arm64"]): Promise<string> {
  const multi = join(directory, `multi-${architectures.join("-")}`);
  await cp(layout, multi, { recursive: true });
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: object[] };
  const [entry] = index.manifests;
  const manifests = architectures.map((architecture) => ({
    ...entry,
    annotations: {},
    platform: { os: "linux", architecture },
  }));
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  const digest = digestOf(body);
  await writeFile(join(multi, "blobs/sha256", digest.slice("sha256:".length)), body);
  const annotations = { "org.opencontainers.image.ref.name": "all" };
  const top = { schemaVersion: 2, manifests: [{ mediaType, digest, size: body.length, annotations }] };
  await writeFile(join(multi, "index.json"), JSON.stringify(top));
  return multi;
}

/** Every file's type, mode, owner, size, link count, target, capability and time; not what umoci leaves to the moment. */
async function describeTree(root: string): Promise<string[]> {
  const listing = await tool("find", root, "-mindepth", "1", "-printf", "%P %y %m %U:%G %s %n %l %T@\\n");
  const capabilities = await tool("getcap", "-r", root);
  const lines = `${listing}${capabilities.replaceAll(`${root}/`, "")}`.split("\n");
  // A directory's size is the file system's business.
  return lines.map((line) => line.replace(/^(.* d \d+ \d+:\d+) \d+ \d+/, "$1")).toSorted();
}
