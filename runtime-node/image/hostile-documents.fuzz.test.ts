import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { check, LIMIT_MS } from "#test/fuzz/check.ts";
import { mutatedJson } from "#test/fuzz/mutated-json.ts";
import { digestOf } from "./digest.ts";
import { readDockerArchive } from "./docker-archive.ts";
import { FolderTree } from "./file-tree.ts";
import { ImageConfig, toImageConfig } from "./image.ts";
import type { ImageSource } from "./image-source.ts";
import { readOciLayout } from "./oci-layout.ts";
import { hostPlatform } from "./platform.ts";
import { resolveConfig, resolveManifest } from "./resolved-image.ts";
import { smallImage, tarOf } from "./testing/small-image.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";
import { parse } from "#contracts/parse.ts";

const { signal } = new AbortController();
const RUNS = { numRuns: 400 };
const image = smallImage([await tarOf([{ name: "a", content: "x" }])], {
  User: "1000:1000",
  Env: ["PATH=/bin"],
  Entrypoint: ["/bin/sh"],
  ExposedPorts: { "80/tcp": {} },
  Volumes: { "/data": {} },
  Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000, Retries: 2 },
  Labels: { a: "b" },
});
const manifest: unknown = JSON.parse(image.manifest.body.toString());
const configBody = [...image.blobs.values()].find((body) => body.includes("diff_ids"))!;
const config: unknown = JSON.parse(configBody.toString());
const index = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [
    {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: image.manifest.digest,
      size: image.manifest.body.byteLength,
      platform: hostPlatform(),
      annotations: { "org.opencontainers.image.ref.name": "latest" },
    },
  ],
};

/** Answers every question with the same document. */
function sourceOf(body: Buffer): ImageSource {
  const answer = { mediaType: "application/json", digest: digestOf(body), body };
  return {
    name: "registry.test/hostile:1",
    root: async () => answer,
    manifest: async () => ({ ...answer, body: image.manifest.body }),
    // oxlint-disable-next-line require-yield -- no blob is asked for here
    async *blob() {
      throw new Error("no blob is asked for");
    },
  };
}

async function expectRefusedOrFine(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError);
    expect((error as SlipwayError).code).toMatch(/^SLIPWAY_IMAGE_/);
    expect((error as SlipwayError).message.length).toBeLessThan(2_000);
  }
}

const bytesOf = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));

test(
  "whatever a registry says a manifest or an index is, it is read or refused with a code",
  async () => {
    const either = fc.oneof(mutatedJson(manifest), mutatedJson(index));
    const property = fc.asyncProperty(either, async (document) => {
      await expectRefusedOrFine(() => resolveManifest(sourceOf(bytesOf(document)), hostPlatform(), signal));
    });
    await check(property, RUNS);
  },
  LIMIT_MS,
);

test(
  "whatever a config says, it is refused with a code, or what comes of it is a config that we can write down",
  async () => {
    const { parsed } = await resolveManifest(sourceOf(image.manifest.body), hostPlatform(), signal);
    const property = fc.asyncProperty(mutatedJson(config), async (document) => {
      await expectRefusedOrFine(() => {
        const resolved = resolveConfig(bytesOf(document), parsed, hostPlatform(), sourceOf(configBody));
        parse(ImageConfig, JSON.parse(JSON.stringify(toImageConfig(resolved.config))), "config");
      });
    });
    // Once: an interval of a hundred days, longer than a timer runs.
    const kept = structuredClone(config) as { config: { Healthcheck: { Interval: number } } };
    kept.config.Healthcheck.Interval = Number.MAX_SAFE_INTEGER;
    await check(property, { ...RUNS, examples: [[kept]] });
  },
  LIMIT_MS,
);

test(
  "whatever bytes stand in place of JSON, they are refused with a code",
  async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await expectRefusedOrFine(() => resolveManifest(sourceOf(Buffer.from(bytes)), hostPlatform(), signal));
    });
    await check(property, RUNS);
  },
  LIMIT_MS,
);

test.each([
  ["an OCI layout's index", "index.json", index, readOciLayout],
  [
    "docker's manifest.json",
    "manifest.json",
    [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l.tar"] }],
    readDockerArchive,
  ],
] as const)(
  "whatever %s says, it is read or refused with a code",
  async (_what, name, document, read) => {
    using directory = temporaryDirectory();
    const tree = new FolderTree(directory.path);
    const text = fc.oneof(mutatedJson(document).map(bytesOf), fc.uint8Array({ maxLength: 60 }));
    const property = fc.asyncProperty(text, async (bytes) => {
      writeFileSync(join(directory.path, name), bytes);
      await expectRefusedOrFine(async () => {
        for (const { source } of await read(tree, directory.path)) await source.root(signal);
      });
    });
    await check(property, RUNS);
  },
  LIMIT_MS,
);
