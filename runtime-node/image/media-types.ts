import { imageError } from "./errors.ts";

/** OCI image-spec 1.1, media-types.md, and docker's image manifest version 2, schema 2. */
export const MEDIA_TYPE = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerLegacyManifest: "application/vnd.docker.distribution.manifest.v1+json",
} as const;

export const ACCEPTED_MANIFESTS = [
  MEDIA_TYPE.ociIndex,
  MEDIA_TYPE.ociManifest,
  MEDIA_TYPE.dockerIndex,
  MEDIA_TYPE.dockerManifest,
].join(", ");

export type Compression = "none" | "gzip" | "zstd";

const COMPRESSION: Record<string, Compression> = {
  [MEDIA_TYPE.ociLayer]: "none",
  [`${MEDIA_TYPE.ociLayer}+gzip`]: "gzip",
  [`${MEDIA_TYPE.ociLayer}+zstd`]: "zstd",
  "application/vnd.oci.image.layer.nondistributable.v1.tar": "none",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
  "application/vnd.docker.image.rootfs.diff.tar": "none",
  "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
  "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
};

/** How a layer of this media type is packed; throws SLIPWAY_IMAGE_UNSUPPORTED_FORMAT for what is no layer of files. */
export function layerCompression(mediaType: string): Compression {
  const compression = COMPRESSION[mediaType];
  if (compression !== undefined) return compression;
  throw imageError(
    "SLIPWAY_IMAGE_UNSUPPORTED_FORMAT",
    `a layer has the media type ${mediaType}, which Slipway does not know`,
  );
}

export function isIndex(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.ociIndex || mediaType === MEDIA_TYPE.dockerIndex;
}

export function isManifest(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.ociManifest || mediaType === MEDIA_TYPE.dockerManifest;
}
