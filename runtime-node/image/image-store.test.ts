import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { openImageStore } from "./image-store.ts";
import { buildBusyboxLayout } from "./testing/busybox-layout.ts";
import { startRegistry, type TestRegistry } from "./testing/registry.ts";

const kernel = new LinuxKernel();
const { signal } = new AbortController();
let directory: string;
let registry: TestRegistry;
let reference: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-images-"));
  registry = await startRegistry();
  await buildBusyboxLayout(join(directory, "layout"), { tag: "1" });
  reference = await registry.push(`oci:${join(directory, "layout")}:1`, "team/busybox:1");
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test("smoke", async () => {
  await using store = await openImageStore({ directory: join(directory, "store"), kernel });
  const image = await store.pull(reference, { signal, onProgress: (p) => console.log(JSON.stringify(p)) });
  console.log(image);
  expect(existsSync(join(image.layers[0]!, "bin/busybox"))).toBe(true);
  expect(await readFile(join(image.layers[0]!, "etc/group"), "utf8")).toContain("root");
});
