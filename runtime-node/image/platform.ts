import { imageError } from "./errors.ts";
import type { ImageIndex, IndexEntry, Platform } from "./oci-schemas.ts";

/** Go's names for the architectures that Node calls otherwise; images use Go's. */
const GO_ARCHITECTURE: Record<string, string> = { x64: "amd64", arm64: "arm64", ia32: "386" };

export function hostPlatform(): Platform {
  return { os: "linux", architecture: GO_ARCHITECTURE[process.arch] ?? process.arch };
}

/** The manifest of an index for a platform; the plainest variant first. Throws SLIPWAY_IMAGE_UNSUPPORTED_PLATFORM with what there is. */
export function chooseManifest(index: ImageIndex, platform: Platform, what: string): IndexEntry {
  const images = index.manifests
    .map((entry) => ({ entry, offered: entry.platform ?? undefined }))
    // Attestations are listed beside images, for the platform unknown/unknown.
    .filter(({ offered }) => offered?.os !== "unknown");
  const matching = images.filter(({ offered }) => offered !== undefined && fits(offered, platform));
  const [best] = matching.toSorted((a, b) => variantRank(a.offered) - variantRank(b.offered));
  if (best !== undefined) return best.entry;
  const [first] = images;
  // An index of one manifest that states no platform: its config will tell.
  if (images.length === 1 && first?.offered === undefined && first !== undefined) return first.entry;
  const offers = images.map(({ offered }) => (offered === undefined ? "unstated" : formatPlatform(offered)));
  throw imageError(
    "SLIPWAY_IMAGE_UNSUPPORTED_PLATFORM",
    `${what} is not built for ${formatPlatform(platform)}, only for ${offers.join(", ") || "nothing"}`,
  );
}

/** Throws SLIPWAY_IMAGE_UNSUPPORTED_PLATFORM when an image's config names another platform. */
export function requirePlatform(built: Platform, platform: Platform, what: string): void {
  if (fits(built, platform)) return;
  throw imageError(
    "SLIPWAY_IMAGE_UNSUPPORTED_PLATFORM",
    `${what} is built for ${formatPlatform(built)}, this machine is ${formatPlatform(platform)}`,
  );
}

function fits(offered: Platform, wanted: Platform): boolean {
  return offered.os === wanted.os && offered.architecture === wanted.architecture;
}

/** amd64's v2 to v4 and arm64's v9 want newer processors than the plain one. */
function variantRank(platform: Platform | undefined): number {
  const variant = platform?.variant ?? "";
  const isBaseline = variant === "" || variant === "v1" || (platform?.architecture === "arm64" && variant === "v8");
  return isBaseline ? 0 : 1 + Number(variant.replace(/\D/g, "") || 0);
}

function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
