import { waitBeforeRetry } from "./backoff.ts";
import { digestOf } from "./digest.ts";
import { hasCode, SlipwayError } from "#contracts/slipway-error.ts";
import { imageError } from "./errors.ts";
import type { FetchedManifest, ImageSource } from "./image-source.ts";
import { ACCEPTED_MANIFESTS } from "./media-types.ts";
import type { Descriptor } from "./oci-schemas.ts";
import type { ImageReference } from "./reference.ts";
import { RegistryHttp, type RegistryOptions } from "./registry-http.ts";
import { StallGuard } from "./stall-guard.ts";

/** distribution-spec 1.1: registries refuse manifests over 4 MiB. */
const MANIFEST_MAX_BYTES = 4 * 1024 * 1024;
const TAGS_SHOWN = 10;

/** An image in a registry. */
export class RegistrySource implements ImageSource {
  readonly name: string;
  readonly #reference: ImageReference;
  readonly #http: RegistryHttp;

  constructor(reference: ImageReference, options: RegistryOptions) {
    this.name = reference.familiar;
    this.#reference = reference;
    this.#http = new RegistryHttp(reference, options);
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const { digest, tag } = this.#reference;
    const manifest = await this.#fetchManifest(digest ?? (tag as string), signal);
    if (manifest === undefined) throw await this.#notFound(signal);
    return manifest;
  }

  async manifest(descriptor: Descriptor, signal: AbortSignal): Promise<FetchedManifest> {
    const manifest = await this.#fetchManifest(descriptor.digest, signal);
    if (manifest !== undefined) return manifest;
    const message = `the index of ${this.name} names the manifest ${descriptor.digest}, which the registry does not have`;
    throw imageError("SLIPWAY_IMAGE_REGISTRY_FAILED", message);
  }

  /** Goes on where it stopped after a broken connection, as long as each attempt brings something. */
  async *blob(descriptor: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const path = `/blobs/${descriptor.digest}`;
    const { backoff } = this.#http.options;
    let received = 0;
    for (let failures = 0; ;) {
      const before = received;
      try {
        for await (const chunk of this.#blobFrom(path, received, signal)) {
          received += chunk.byteLength;
          yield chunk;
        }
        if (received >= descriptor.size) return;
        throw new Error(`the answer ended after ${received} of ${descriptor.size} bytes`);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SlipwayError) throw error;
        failures = received > before ? 1 : failures + 1;
        if (failures >= backoff.attempts) throw this.#http.unreachable(path, error);
        await waitBeforeRetry(backoff, failures, signal);
      }
    }
  }

  async *#blobFrom(path: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    using guard = new StallGuard(this.#http.options.stallTimeoutMs, signal);
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await this.#http.get(path, headers, guard.signal);
    if (response.status === 404 || response.body === null) {
      await response.body?.cancel();
      throw imageError(
        "SLIPWAY_IMAGE_REGISTRY_FAILED",
        `the manifest of ${this.name} names ${path}, which the registry does not have`,
      );
    }
    // A server may answer a range with the whole (RFC 9110, section 14.2).
    let toSkip = response.status === 206 ? 0 : offset;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      guard.progress();
      const skipped = Math.min(toSkip, chunk.byteLength);
      toSkip -= skipped;
      if (chunk.byteLength > skipped) yield chunk.subarray(skipped);
    }
  }

  async #fetchManifest(tagOrDigest: string, signal: AbortSignal): Promise<FetchedManifest | undefined> {
    const path = `/manifests/${tagOrDigest}`;
    using guard = new StallGuard(this.#http.options.stallTimeoutMs, signal);
    try {
      const response = await this.#http.get(path, { accept: ACCEPTED_MANIFESTS }, guard.signal);
      if (response.status !== 404) return this.#verify(tagOrDigest, response, await readBody(response, this.name, guard));
      await response.body?.cancel();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof SlipwayError ? error : this.#http.unreachable(path, error);
    }
  }

  #verify(tagOrDigest: string, response: Response, body: Buffer): FetchedManifest {
    const digest = digestOf(body);
    const promised = tagOrDigest.includes(":") ? tagOrDigest : response.headers.get("docker-content-digest");
    if (promised?.startsWith("sha256:") === true && promised !== digest) {
      throw imageError(
        "SLIPWAY_IMAGE_DIGEST_MISMATCH",
        `the manifest ${promised} of ${this.name} has the digest ${digest}`,
      );
    }
    return { mediaType: response.headers.get("content-type")?.split(";")[0]?.trim() ?? "", digest, body };
  }

  async #notFound(signal: AbortSignal): Promise<Error> {
    const tags = await this.#listTags(signal);
    const known = tags.length === 0 ? "" : `; it has the tags ${tags.join(", ")}`;
    return imageError(
      "SLIPWAY_IMAGE_NOT_FOUND",
      `the registry ${this.#reference.registry} has no image ${this.name}${known}`,
    );
  }

  async #listTags(signal: AbortSignal): Promise<string[]> {
    try {
      const response = await this.#http.get(`/tags/list?n=${TAGS_SHOWN}`, {}, signal);
      if (response.status !== 200) {
        await response.body?.cancel();
        return [];
      }
      const answer = (await response.json()) as { tags?: unknown };
      return Array.isArray(answer.tags) ? answer.tags.slice(0, TAGS_SHOWN).map(String) : [];
    } catch (error) {
      // The tags are a courtesy: that there is no such image is the news.
      if (
        hasCode(error, "SLIPWAY_IMAGE_UNAUTHORIZED", "SLIPWAY_IMAGE_REGISTRY_FAILED", "SLIPWAY_IMAGE_REGISTRY_UNREACHABLE")
      )
        return [];
      throw error;
    }
  }
}

async function readBody(response: Response, name: string, guard: StallGuard): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body === null) return Buffer.alloc(0);
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    guard.progress();
    length += chunk.byteLength;
    if (length > MANIFEST_MAX_BYTES) {
      throw imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", `the manifest of ${name} has over ${MANIFEST_MAX_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
