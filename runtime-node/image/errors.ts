import { isDiskFull } from "#contracts/exhausted.ts";
import { defineErrors, SlipwayError, type SlipwayErrorDetails } from "#contracts/slipway-error.ts";

export const IMAGE_ERRORS = {
  SLIPWAY_IMAGE_INVALID_REFERENCE: {
    status: 400,
    remedy: "Write it as [registry[:port]/]name[:tag][@sha256:digest], in lower case, for example busybox:1.36.",
  },
  SLIPWAY_IMAGE_RESERVED_REFERENCE: {
    status: 400,
    remedy: "`host` names the host's own files: choose another name for an image of yours.",
  },
  SLIPWAY_IMAGE_NOT_FOUND: {
    status: 404,
    remedy: "Check the name and the tag; a private image needs an entry in ~/.docker/config.json.",
  },
  SLIPWAY_IMAGE_REGISTRY_UNREACHABLE: {
    status: 502,
    remedy: "Check the registry's name, the network and, for a registry of your own, that it runs; then pull again.",
  },
  SLIPWAY_IMAGE_REGISTRY_FAILED: {
    status: 502,
    remedy: "The registry answered against the OCI distribution specification: look at its own log.",
  },
  SLIPWAY_IMAGE_UNAUTHORIZED: {
    status: 401,
    remedy: "Put credentials for the registry in ~/.docker/config.json (`docker login`), or check the image's name.",
  },
  SLIPWAY_IMAGE_DIGEST_MISMATCH: {
    status: 502,
    remedy: "The source lies about its content, or a proxy changed it: do not use it before you know which.",
  },
  SLIPWAY_IMAGE_UNSUPPORTED_PLATFORM: {
    status: 422,
    remedy: "Use an image that is built for this machine's architecture.",
  },
  SLIPWAY_IMAGE_UNSUPPORTED_FORMAT: {
    status: 422,
    remedy: "Slipway takes OCI images and docker schema 2, with layers of plain, gzip or zstd tar: build the image anew.",
  },
  SLIPWAY_IMAGE_INVALID_MANIFEST: {
    status: 422,
    remedy: "The image's manifest or config is broken: build and push the image anew.",
  },
  SLIPWAY_IMAGE_LAYER_ESCAPES: {
    status: 422,
    remedy: "The layer tries to write outside of its own root: do not trust this image.",
  },
  SLIPWAY_IMAGE_CORRUPT_LAYER: {
    status: 422,
    remedy: "The layer's archive is broken: build and push the image anew.",
  },
  SLIPWAY_IMAGE_LAYER_TOO_LARGE: {
    status: 422,
    remedy: "The layer looks like a decompression bomb: do not trust this image. One that is honest holds less of nothing.",
  },
  SLIPWAY_IMAGE_DISK_FULL: {
    status: 507,
    remedy: "Free space on the disk of the images folder, for example with `slipway image rm`, and try again.",
  },
  SLIPWAY_IMAGE_NOT_WRITTEN: {
    status: 500,
    remedy: "The disk does not take what is written to it: see the kernel's log (`dmesg`) for its errors.",
  },
  SLIPWAY_IMAGE_IN_USE: {
    status: 409,
    remedy: "Stop and remove the instances that run on it first.",
  },
  SLIPWAY_IMAGE_NOT_AN_ARCHIVE: {
    status: 422,
    remedy: "Give an OCI image layout (a folder or a tar of one) or an archive made by `docker save`.",
  },
  SLIPWAY_IMAGE_AMBIGUOUS_IMPORT: {
    status: 422,
    remedy: "Name one of the images that it holds, or leave the name away to import all of them.",
  },
  SLIPWAY_IMAGE_STORE_CORRUPT: {
    status: 500,
    remedy: "Move the images folder aside and pull the images again; containers that run keep their files.",
  },
  SLIPWAY_IMAGE_STORE_CLOSED: {
    status: 503,
    remedy: "The agent is on its way out: try again when it is back.",
  },
  SLIPWAY_IMAGE_HOST_UNUSABLE: {
    status: 500,
    remedy: "The `host` image needs the host's /usr and the platform's own Node: see `slipway doctor`.",
  },
} as const;

export const imageError = defineErrors(IMAGE_ERRORS);

/** The error for a full disk when that is what `error` is; any other error as it came. */
export function withDiskFull(error: unknown, attempted: string): unknown {
  if (error instanceof SlipwayError || !isDiskFull(error)) return error;
  return imageError("SLIPWAY_IMAGE_DISK_FULL", `${attempted}: no space is left on the disk of the images folder`, {
    cause: error,
  });
}

/** A SlipwayError as it came; anything else wrapped as `code`, with what was attempted. */
export function explain(
  error: unknown,
  code: keyof typeof IMAGE_ERRORS,
  attempted: string,
  details: SlipwayErrorDetails = {},
): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return imageError(code, `${attempted}: ${reason}`, { ...details, cause: error });
}
