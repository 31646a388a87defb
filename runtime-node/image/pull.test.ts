import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { type ImageStore, openImageStore } from "./image-store.ts";
import type { RegistryOptions } from "./registry-http.ts";
import { startLyingRegistry } from "./testing/lying-registry.ts";
import { smallImage, tarOf } from "./testing/small-image.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const kernel = new LinuxKernel();
const { signal } = new AbortController();
const BACKOFF = { baseMs: 1, maxMs: 20, attempts: 4 };

async function openStore(registry: Partial<RegistryOptions> = {}): Promise<{ store: ImageStore; directory: string }> {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  const store = await openImageStore({
    directory: join(directory.path, "images"),
    kernel,
    registry: { backoff: BACKOFF, ...registry },
  });
  onTestFinished(() => store[Symbol.asyncDispose]());
  return { store, directory: join(directory.path, "images") };
}

function contents(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "images.json")
    .map(({ parentPath, name }) => join(parentPath, name));
}

const BIG = "0123456789abcdef".repeat(4096);
/** Does not compress, so that there is something to break off. */
const NOISE = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index * 2654435761) & 0xff));
const image = smallImage([await tarOf([{ name: "noise", content: NOISE }]), await tarOf([{ name: "big", content: BIG }])]);
const LAYER = image.layers[0] as string;

const refusal = (code: string): object => expect.objectContaining({ code });

test("goes on with a Range after a broken connection", async () => {
  await using registry = await startLyingRegistry(image, {
    blob({ digest, attempt, body, response }) {
      if (digest !== LAYER || attempt > 1) return false;
      response.writeHead(200, { "content-length": body.byteLength });
      response.write(body.subarray(0, 1000), () => response.destroy());
      return true;
    },
  });
  const { store } = await openStore();
  await store.pull(`${registry.host}/app`, { signal });
  expect(registry.requests.filter((path) => path.includes(LAYER))).toEqual([
    `/v2/app/blobs/${LAYER}`,
    `/v2/app/blobs/${LAYER} bytes=1000-`,
  ]);
});

test("starts over where the server does not know ranges", async () => {
  await using registry = await startLyingRegistry(image, {
    blob({ digest, attempt, body, response }) {
      if (digest !== LAYER) return false;
      if (attempt > 1) response.end(body);
      else {
        response.writeHead(200, { "content-length": body.byteLength });
        response.write(body.subarray(0, 1000), () => response.destroy());
      }
      return true;
    },
  });
  const { store } = await openStore();
  expect((await store.pull(`${registry.host}/app`, { signal })).layers).toHaveLength(2);
});

test("a body that ends early again and again is the registry's failure, and leaves nothing", async () => {
  await using registry = await startLyingRegistry(image, {
    blob({ digest, body, request, response }) {
      if (digest !== LAYER) return false;
      response.end(request.headers.range === undefined ? body.subarray(0, 1000) : "");
      return true;
    },
  });
  const { store, directory } = await openStore();
  await expect(store.pull(`${registry.host}/app`, { signal })).rejects.toEqual(
    refusal("SLIPWAY_IMAGE_REGISTRY_UNREACHABLE"),
  );
  expect(contents(directory)).toEqual([]);
});

test("a silent connection is taken for a broken one", async () => {
  await using registry = await startLyingRegistry(image, {
    blob({ digest, attempt, body, response }) {
      if (digest !== LAYER || attempt > 1) return false;
      response.writeHead(200, { "content-length": body.byteLength });
      response.write(body.subarray(0, 500));
      return true;
    },
  });
  const { store } = await openStore({ stallTimeoutMs: 1_500 });
  expect((await store.pull(`${registry.host}/app`, { signal })).layers).toHaveLength(2);
});

test.each<[string, (body: Buffer) => Buffer]>([
  ["other bytes of the same length", (body) => Buffer.concat([body.subarray(0, -1), Buffer.from([body.at(-1)! ^ 1])])],
  ["more bytes than the manifest says", (body) => Buffer.concat([body, Buffer.alloc(100)])],
])("refuses a layer with %s, and leaves nothing", async (_, change) => {
  await using registry = await startLyingRegistry(image, {
    blob({ digest, body, response }) {
      if (digest === LAYER) response.end(change(body));
      return digest === LAYER;
    },
  });
  const { store, directory } = await openStore();
  await expect(store.pull(`${registry.host}/app`, { signal })).rejects.toEqual(refusal("SLIPWAY_IMAGE_DIGEST_MISMATCH"));
  expect(contents(directory)).toEqual([]);
  expect(store.list()).toEqual([]);
});

test("a layer that never ends is cut off where its manifest says it ends", async () => {
  await using registry = await startLyingRegistry(image, {
    blob({ digest, response }) {
      if (digest !== LAYER) return false;
      const flood = (): void => void response.write(NOISE, () => response.destroyed || flood());
      flood();
      return true;
    },
  });
  const { store } = await openStore();
  await expect(store.pull(`${registry.host}/app`, { signal })).rejects.toEqual(refusal("SLIPWAY_IMAGE_DIGEST_MISMATCH"));
});

test("refuses a manifest that is not what its digest says", async () => {
  const other = smallImage([await tarOf([{ name: "other", content: "x" }])]);
  await using registry = await startLyingRegistry(image);
  const { store } = await openStore();
  const pull = store.pull(`${registry.host}/app@${other.manifest.digest}`, { signal });
  await expect(pull).rejects.toEqual(refusal("SLIPWAY_IMAGE_DIGEST_MISMATCH"));
});

test("a layer that climbs out of its root leaves nothing", async () => {
  const climbing = smallImage([
    await tarOf([{ name: "fine", content: "x" }]),
    await tarOf([{ name: "../../evil", content: "x" }]),
  ]);
  await using registry = await startLyingRegistry(climbing);
  const { store, directory } = await openStore();
  await expect(store.pull(`${registry.host}/evil`, { signal })).rejects.toEqual(refusal("SLIPWAY_IMAGE_LAYER_ESCAPES"));
  expect(contents(directory)).toEqual([]);
  expect(readdirSync(join(directory, "layers"))).toEqual([]);
});

test("tries again when the registry is overloaded, as long after as it asks", async () => {
  await using registry = await startLyingRegistry(image, {
    any(_request, response, count) {
      if (count === 1) response.writeHead(429, { "retry-after": "0" }).end();
      if (count === 2) response.writeHead(503).end();
      return count <= 2;
    },
  });
  const { store } = await openStore();
  expect((await store.pull(`${registry.host}/app`, { signal })).digest).toBe(image.manifest.digest);
});

test("a registry that is down is unreachable", async () => {
  const registry = await startLyingRegistry(image);
  await registry[Symbol.asyncDispose]();
  const { store } = await openStore();
  await expect(store.pull(`${registry.host}/app`, { signal })).rejects.toMatchObject({
    code: "SLIPWAY_IMAGE_REGISTRY_UNREACHABLE",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test.each<[string, string]>([
  ["not JSON", "<html>"],
  ["without a config", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}`],
  [
    "with a digest that climbs",
    `{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"x","digest":"sha256:../../../etc","size":1},"layers":[]}`,
  ],
])("refuses a manifest %s", async (_, body) => {
  await using registry = await startLyingRegistry({ ...image, manifest: { digest: "", body: Buffer.from(body) } });
  const { store } = await openStore();
  await expect(store.pull(`${registry.host}/app`, { signal })).rejects.toEqual(refusal("SLIPWAY_IMAGE_INVALID_MANIFEST"));
});

test("asks the realm for a token, and a login where the realm wants one", async () => {
  const seen: (string | undefined)[] = [];
  await using registry = await startLyingRegistry(image, {
    any(request, response) {
      if (request.url?.startsWith("/token") === true) {
        seen.push(request.headers.authorization, request.url);
        response.end(JSON.stringify({ token: "secret" }));
        return true;
      }
      if (request.headers.authorization === "Bearer secret") return false;
      const realm = `http://${request.headers.host}/token`;
      response
        .writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="test",scope="repository:team/app:pull"` })
        .end();
      return true;
    },
  });
  const config = temporaryDirectory();
  onTestFinished(() => config[Symbol.dispose]());
  const dockerConfig = join(config.path, "config.json");
  writeFileSync(dockerConfig, JSON.stringify({ auths: { [registry.host]: { auth: btoa("me:pass:word") } } }));
  const { store } = await openStore({ dockerConfig });
  await store.pull(`${registry.host}/team/app`, { signal });
  expect(seen).toEqual([`Basic ${btoa("me:pass:word")}`, "/token?scope=repository%3Ateam%2Fapp%3Apull&service=test"]);
});

test("an aborted pull ends at once and leaves nothing", async () => {
  const reached = Promise.withResolvers<void>();
  await using registry = await startLyingRegistry(image, {
    blob({ digest, body, response }) {
      if (digest !== LAYER) return false;
      response.writeHead(200, { "content-length": body.byteLength });
      response.write(body.subarray(0, 1000), () => reached.resolve());
      return true;
    },
  });
  const { store, directory } = await openStore();
  const controller = new AbortController();
  const pull = store.pull(`${registry.host}/app`, { signal: controller.signal });
  await reached.promise;
  controller.abort(new Error("enough"));
  await expect(pull).rejects.toThrow("enough");
  await store[Symbol.asyncDispose]();
  expect(contents(directory)).toEqual([]);
});

test("two pulls at once fetch and unpack what they share once", async () => {
  await using registry = await startLyingRegistry(image);
  const { store } = await openStore();
  const [one, two, three] = await Promise.all([
    store.pull(`${registry.host}/app:1`, { signal }),
    store.pull(`${registry.host}/app:1`, { signal }),
    store.pull(`${registry.host}/other:2`, { signal }),
  ]);
  expect(two).toEqual(one);
  expect(three?.layers).toEqual(one?.layers);
  expect(registry.requests.filter((path) => path.includes("/manifests/"))).toHaveLength(2);
  expect(registry.requests.filter((path) => path.includes("/blobs/")).toSorted()).toHaveLength(3);
});

test("at most three blobs are downloaded at once", async () => {
  const layers = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => tarOf([{ name: `file-${n}`, content: String(n) }])));
  const waiting: (() => void)[] = [];
  const third = Promise.withResolvers<void>();
  let isOpen = false;
  const many = smallImage(layers);
  await using registry = await startLyingRegistry(many, {
    blob({ digest, body, response }) {
      if (isOpen || !many.layers.includes(digest)) return false;
      waiting.push(() => response.end(body));
      if (waiting.length === 3) third.resolve();
      return true;
    },
  });
  const { store } = await openStore();
  const pull = store.pull(`${registry.host}/app`, { signal });
  await third.promise;
  // A round trip of our own: whatever else was sent has arrived by now.
  await fetch(`http://${registry.host}/v2/app/manifests/x`).then((response) => response.arrayBuffer());
  expect(waiting).toHaveLength(3);
  isOpen = true;
  waiting.forEach((answer) => answer());
  expect((await pull).layers).toHaveLength(6);
});

test("a store whose process was killed in the middle of a pull opens clean, and pulls anew", async () => {
  const reached = Promise.withResolvers<void>();
  await using registry = await startLyingRegistry(image, {
    blob({ digest, attempt, body, response }) {
      if (digest !== LAYER || attempt > 1) return false;
      response.writeHead(200, { "content-length": body.byteLength });
      response.write(body.subarray(0, 1000), () => reached.resolve());
      return true;
    },
  });
  const folder = temporaryDirectory();
  onTestFinished(() => folder[Symbol.dispose]());
  const directory = join(folder.path, "images");
  const program = `
    import { LinuxKernel } from "#kernel/linux-kernel.ts";
    import { openImageStore } from "#runtime-node/image/image-store.ts";
    const store = await openImageStore({ directory: ${JSON.stringify(directory)}, kernel: new LinuxKernel() });
    await store.pull("${registry.host}/app", { signal: new AbortController().signal });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
  await reached.promise;
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(contents(directory)).not.toEqual([]);
  await using store = await openImageStore({ directory, kernel, registry: { backoff: BACKOFF } });
  expect(contents(directory)).toEqual([]);
  expect((await store.pull(`${registry.host}/app`, { signal })).layers).toHaveLength(2);
});

test("one of two pulls of the same image that gives up does not end the other", async () => {
  const reached = Promise.withResolvers<() => void>();
  await using registry = await startLyingRegistry(image, {
    blob({ digest, body, response }) {
      if (digest === LAYER) reached.resolve(() => response.end(body));
      return digest === LAYER;
    },
  });
  const { store } = await openStore();
  const controller = new AbortController();
  const given = store.pull(`${registry.host}/app`, { signal: controller.signal });
  const kept = store.pull(`${registry.host}/app`, { signal });
  const answer = await reached.promise;
  controller.abort(new Error("enough"));
  await expect(given).rejects.toThrow("enough");
  answer();
  expect((await kept).layers).toHaveLength(2);
});

test("a full disk is said, and leaves nothing", async () => {
  using mount = temporaryDirectory();
  const directory = join(mount.path, "images");
  mkdirSync(directory);
  kernel.call("mount", "tmpfs", directory, "tmpfs", 0, "size=256k");
  try {
    await using registry = await startLyingRegistry(image);
    await using store = await openImageStore({ directory, kernel, registry: { backoff: BACKOFF } });
    await expect(store.pull(`${registry.host}/app`, { signal })).rejects.toEqual(refusal("SLIPWAY_IMAGE_DISK_FULL"));
    expect(contents(directory)).toEqual([]);
  } finally {
    kernel.call("umount2", directory, 0);
  }
});
