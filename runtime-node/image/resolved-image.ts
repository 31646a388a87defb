import { parse } from "#contracts/parse.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import type { TSchema, Static } from "typebox";
import { chainIds, digestOf } from "./digest.ts";
import { imageError } from "./errors.ts";
import type { FetchedManifest, ImageSource } from "./image-source.ts";
import { type Compression, isIndex, isManifest, layerCompression, MEDIA_TYPE } from "./media-types.ts";
import { type Descriptor, ImageConfigFile, ImageIndex, ImageManifest, type Platform } from "./oci-schemas.ts";
import { chooseManifest, requirePlatform } from "./platform.ts";

const INDEX_DEPTH_MAX = 3;

export interface ResolvedManifest extends FetchedManifest {
  parsed: ImageManifest;
}

/** A layer to be fetched and unpacked. */
export interface ResolvedLayer {
  descriptor: Descriptor;
  compression: Compression;
  diffId: string;
  chainId: string;
}

/** Follows indexes to the manifest for this platform. */
export async function resolveManifest(
  source: ImageSource,
  platform: Platform,
  signal: AbortSignal,
): Promise<ResolvedManifest> {
  let manifest = await source.root(signal);
  for (let depth = 0; isIndex(mediaTypeOf(manifest, source)); depth++) {
    if (depth === INDEX_DEPTH_MAX) throw invalid(source, `its indexes nest more than ${INDEX_DEPTH_MAX} deep`);
    const index = parseDocument(ImageIndex, manifest.body, source, "index");
    manifest = await source.manifest(chooseManifest(index, platform, source.name), signal);
  }
  const mediaType = mediaTypeOf(manifest, source);
  if (!isManifest(mediaType)) {
    throw imageError(
      "SLIPWAY_IMAGE_UNSUPPORTED_FORMAT",
      `${source.name} is a ${mediaType || "document without a media type"}`,
    );
  }
  return { ...manifest, mediaType, parsed: parseDocument(ImageManifest, manifest.body, source, "manifest") };
}

/** Reads an image's config and pairs its diff ids with the manifest's layers. */
export function resolveConfig(
  body: Buffer,
  manifest: ImageManifest,
  platform: Platform,
  source: ImageSource,
): { config: ImageConfigFile; layers: ResolvedLayer[] } {
  const config = parseDocument(ImageConfigFile, body, source, "config");
  requirePlatform(config, platform, source.name);
  const diffIds = config.rootfs.diff_ids ?? [];
  if (diffIds.length !== manifest.layers.length) {
    throw invalid(source, `its manifest has ${manifest.layers.length} layers, its config ${diffIds.length} diff ids`);
  }
  if (diffIds.length === 0) throw invalid(source, "it has no layers");
  const chain = chainIds(diffIds);
  const layers = manifest.layers.map((descriptor, index) => ({
    descriptor,
    compression: layerCompression(descriptor.mediaType),
    diffId: diffIds[index] as string,
    chainId: chain[index] as string,
  }));
  return { config, layers };
}

/** The document's own word before the transport's, which may say no more than application/json; then what it looks like. */
function mediaTypeOf(manifest: FetchedManifest, source: ImageSource): string {
  const document = parseJson(manifest.body, source, "manifest") as {
    mediaType?: unknown;
    manifests?: unknown;
    layers?: unknown;
  };
  if (typeof document.mediaType === "string") return document.mediaType;
  if (Array.isArray(document.manifests)) return MEDIA_TYPE.ociIndex;
  // Docker's schema 1 has fsLayers instead.
  return Array.isArray(document.layers) ? MEDIA_TYPE.ociManifest : manifest.mediaType;
}

function parseDocument<Schema extends TSchema>(
  schema: Schema,
  body: Buffer,
  source: ImageSource,
  what: string,
): Static<Schema> {
  try {
    return parse(schema, parseJson(body, source, what), `the ${what} of ${source.name}, at `);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "SLIPWAY_CONTRACT_INVALID") throw error;
    throw imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", error.message, { cause: error });
  }
}

function parseJson(body: Buffer, source: ImageSource, what: string): object {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", `the ${what} of ${source.name} (${digestOf(body)}) is not JSON`, {
      cause,
    });
  }
  throw invalid(source, `its ${what} is not an object`);
}

function invalid(source: ImageSource, reason: string): Error {
  return imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", `${source.name}: ${reason}`);
}
