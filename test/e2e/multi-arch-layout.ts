import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildBusyboxLayout } from "#runtime-node/image/testing/busybox-layout.ts";
import { tool } from "#runtime-node/image/testing/tool.ts";

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
const REF_NAME = "org.opencontainers.image.ref.name";

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/** Tags an index as `multi` in an OCI layout: one image for amd64 and one for arm64, whose /etc/arch says which. */
export async function buildMultiArchLayout(layout: string): Promise<void> {
  const architectures = ["amd64", "arm64"];
  for (const architecture of architectures) {
    await buildBusyboxLayout(layout, {
      tag: architecture,
      change: (rootfs) => writeFile(join(rootfs, "etc/arch"), `${architecture}\n`),
    });
    await tool("umoci", "config", "--image", `${layout}:${architecture}`, "--architecture", architecture);
  }
  const top = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: Descriptor[] };
  const manifests = architectures.map((architecture) => {
    const { mediaType, digest, size } = top.manifests.find((one) => one.annotations?.[REF_NAME] === architecture)!;
    return { mediaType, digest, size, platform: { os: "linux", architecture } };
  });
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }));
  const hex = createHash("sha256").update(body).digest("hex");
  await writeFile(join(layout, "blobs/sha256", hex), body);
  top.manifests.push({
    mediaType: INDEX_TYPE,
    digest: `sha256:${hex}`,
    size: body.byteLength,
    annotations: { [REF_NAME]: "multi" },
  });
  await writeFile(join(layout, "index.json"), JSON.stringify(top));
}
