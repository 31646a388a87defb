import { createHash, type Hash } from "node:crypto";
import { imageError } from "./errors.ts";

const DIGEST = /^(sha256|sha512):([0-9a-f]+)$/;
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

/** A digest as OCI writes it (image-spec, "Digests"), taken apart. */
export interface Digest {
  algorithm: "sha256" | "sha512";
  hex: string;
}

export function parseDigest(text: string): Digest {
  const match = DIGEST.exec(text);
  const algorithm = match?.[1] as Digest["algorithm"] | undefined;
  const hex = match?.[2];
  if (algorithm === undefined || hex?.length !== HEX_LENGTH[algorithm]) {
    throw imageError("SLIPWAY_IMAGE_INVALID_MANIFEST", `${JSON.stringify(text)} is not a sha256 or sha512 digest`);
  }
  return { algorithm, hex };
}

export function digestOf(data: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(data).digest("hex")}`;
}

/**
 * The chain id of each layer (image-spec, "Layer ChainID"): it names a layer together with all that lie under it.
 */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}

/** Counts and hashes bytes as they pass, and compares with what was promised. */
export class DigestVerifier {
  readonly #expected: string;
  readonly #size: number | undefined;
  readonly #what: string;
  readonly #hash: Hash;
  #received = 0;

  constructor(expected: string, size: number | undefined, what: string) {
    this.#expected = expected;
    this.#size = size;
    this.#what = what;
    this.#hash = createHash(parseDigest(expected).algorithm);
  }

  /** Throws as soon as there are more bytes than promised, so that a lying source cannot fill the disk. */
  update(chunk: Uint8Array): void {
    this.#received += chunk.byteLength;
    if (this.#size !== undefined && this.#received > this.#size) {
      throw this.#mismatch(`has more than the ${this.#size} bytes that its manifest says`);
    }
    this.#hash.update(chunk);
  }

  verify(): void {
    if (this.#size !== undefined && this.#received !== this.#size) {
      throw this.#mismatch(`has ${this.#received} bytes, its manifest says ${this.#size}`);
    }
    const { algorithm } = parseDigest(this.#expected);
    const actual = `${algorithm}:${this.#hash.digest("hex")}`;
    if (actual !== this.#expected) throw this.#mismatch(`has the digest ${actual}`);
  }

  #mismatch(fact: string): Error {
    return imageError("SLIPWAY_IMAGE_DIGEST_MISMATCH", `${this.#what} ${this.#expected} ${fact}`);
  }
}
