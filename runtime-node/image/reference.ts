import { imageError } from "./errors.ts";

/** The name of the image that is made of the host's own files; no registry is asked for it. */
export const HOST_IMAGE = "host";

const DOCKER_HUB = "docker.io";
const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const NAME_MAX = 255;

/** An image's name, resolved as docker resolves it (distribution/reference): `busybox` is docker.io/library/busybox:latest. */
export interface ImageReference {
  /** `docker.io`, `127.0.0.1:5000`, … */
  registry: string;
  /** `library/busybox` */
  repository: string;
  /** Absent when there is a digest: the digest alone decides. */
  tag?: string;
  digest?: string;
  /** The full name, which is the same for all ways to write it. */
  canonical: string;
  /** As a person writes it: without docker.io/library/. */
  familiar: string;
}

/** Parses an image's name; throws SLIPWAY_IMAGE_INVALID_REFERENCE or, for `host`, SLIPWAY_IMAGE_RESERVED_REFERENCE. */
export function parseReference(text: string): ImageReference {
  if (text === HOST_IMAGE) {
    throw imageError("SLIPWAY_IMAGE_RESERVED_REFERENCE", "`host` is the host's own image, which is not pulled or imported");
  }
  const { name, tag, digest } = splitReference(text);
  const { registry, repository } = splitName(name);
  if (!PATH.test(repository) || registry.length + repository.length > NAME_MAX || !DOMAIN.test(registry))
    throw invalid(text);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text);
  if (digest !== undefined && !DIGEST.test(digest)) throw invalid(text);
  const suffix = digest === undefined ? `:${tag ?? "latest"}` : `@${digest}`;
  return {
    registry,
    repository,
    ...(digest === undefined ? { tag: tag ?? "latest" } : { digest }),
    canonical: `${registry}/${repository}${suffix}`,
    familiar: `${familiarName(registry, repository)}${suffix}`,
  };
}

function splitReference(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const tagged = at === -1 ? text : text.slice(0, at);
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  return {
    name: hasTag ? tagged.slice(0, colon) : tagged,
    ...(hasTag ? { tag: tagged.slice(colon + 1) } : {}),
    ...(at === -1 ? {} : { digest: text.slice(at + 1) }),
  };
}

/** The first part names a registry when it has a dot or a port, is `localhost`, or has upper-case letters. */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isRegistry = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const registry = !isRegistry || first === "index.docker.io" ? DOCKER_HUB : first;
  const repository = isRegistry ? name.slice(slash + 1) : name;
  const isOfficial = registry === DOCKER_HUB && !repository.includes("/");
  return { registry, repository: isOfficial ? `library/${repository}` : repository };
}

function familiarName(registry: string, repository: string): string {
  if (registry !== DOCKER_HUB) return `${registry}/${repository}`;
  return repository.startsWith("library/") ? repository.slice("library/".length) : repository;
}

function invalid(text: string): Error {
  return imageError("SLIPWAY_IMAGE_INVALID_REFERENCE", `${JSON.stringify(text)} is not an image's name`);
}
