import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { digestOf } from "../digest.ts";
import { MEDIA_TYPE } from "../media-types.ts";
import { hostPlatform } from "../platform.ts";

export type TarItem = Partial<Header> & { name: string } & { content?: string | Buffer };

/** An image made in memory: what a registry serves under which digest. */
export interface SmallImage {
  manifest: { digest: string; body: Buffer };
  blobs: Map<string, Buffer>;
  layers: string[];
}

/** A tar archive with these entries, as they are: names that climb and all. */
export async function tarOf(items: readonly TarItem[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of items) archive.entry(header, content ?? "");
  archive.finalize();
  return buffer(archive);
}

/** An image of these layers (tar archives), gzipped. */
export function smallImage(archives: readonly Buffer[], config: object = {}): SmallImage {
  const blobs = new Map<string, Buffer>();
  const store = (body: Buffer, mediaType: string): { mediaType: string; digest: string; size: number } => {
    const digest = digestOf(body);
    blobs.set(digest, body);
    return { mediaType, digest, size: body.byteLength };
  };
  const layers = archives.map((archive) => store(gzipSync(archive), `${MEDIA_TYPE.ociLayer}+gzip`));
  const configFile = {
    ...hostPlatform(),
    config,
    rootfs: { type: "layers", diff_ids: archives.map((archive) => digestOf(archive)) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: store(Buffer.from(JSON.stringify(configFile)), MEDIA_TYPE.ociConfig),
    layers,
  };
  const body = Buffer.from(JSON.stringify(manifest));
  return { manifest: { digest: digestOf(body), body }, blobs, layers: layers.map(({ digest }) => digest) };
}
