import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { messagingError } from "../errors.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";

/** What a key is for: the first byte of its text form, which makes the first letter O, A or U (nkeys, "Prefixes"). */
const KIND_PREFIX = { operator: 14 << 3, account: 0, user: 20 << 3 } as const;
const SEED_PREFIX = 18 << 3;
/** RFC 8410, section 7: PKCS #8 of an Ed25519 key is this and the 32 bytes of the seed. */
const PKCS8_HEADER = Buffer.from("302e020100300506032b657004220420", "hex");
const RAW_KEY_BYTES = 32;

export type NkeyKind = keyof typeof KIND_PREFIX;

/** An Ed25519 key pair in NATS's text forms. */
export class Nkey {
  readonly kind: NkeyKind;
  /** `O…`, `A…` or `U…`, 56 characters. */
  readonly publicKey: string;
  /** `SO…`, `SA…` or `SU…`, 58 characters: the secret. */
  readonly seed: string;
  readonly #privateKey: KeyObject;

  private constructor(kind: NkeyKind, rawSeed: Buffer) {
    this.kind = kind;
    this.#privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, rawSeed]), format: "der", type: "pkcs8" });
    const jwk = createPublicKey(this.#privateKey).export({ format: "jwk" });
    this.publicKey = encodeKey(Buffer.of(KIND_PREFIX[kind]), Buffer.from(jwk.x ?? "", "base64url"));
    this.seed = encodeKey(seedPrefix(kind), rawSeed);
  }

  static generate(kind: NkeyKind): Nkey {
    const { privateKey } = generateKeyPairSync("ed25519");
    return new Nkey(kind, privateKey.export({ format: "der", type: "pkcs8" }).subarray(-RAW_KEY_BYTES));
  }

  /** Reads a seed; throws SLIPWAY_MESSAGING_IDENTITY_DAMAGED, without repeating the secret, when it is none of this kind. */
  static fromSeed(kind: NkeyKind, seed: string, where: string): Nkey {
    const bytes = decodeBase32(seed.trim());
    const body = bytes?.subarray(0, -2);
    const prefix = seedPrefix(kind);
    if (
      bytes === undefined ||
      body?.byteLength !== prefix.byteLength + RAW_KEY_BYTES ||
      bytes.readUInt16LE(body.byteLength) !== crc16(body) ||
      !body.subarray(0, prefix.byteLength).equals(prefix)
    ) {
      throw messagingError("SLIPWAY_MESSAGING_IDENTITY_DAMAGED", `${where} does not hold the seed of an ${kind} key`);
    }
    return new Nkey(kind, body.subarray(prefix.byteLength));
  }

  sign(data: string | Uint8Array): Buffer {
    return sign(null, typeof data === "string" ? Buffer.from(data) : data, this.#privateKey);
  }
}

/** A seed's two bytes of prefix: five bits that make it an S, then the eight of its kind. */
function seedPrefix(kind: NkeyKind): Buffer {
  const prefix = KIND_PREFIX[kind];
  return Buffer.of(SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3);
}

function encodeKey(prefix: Buffer, raw: Buffer): string {
  const body = Buffer.concat([prefix, raw]);
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(body));
  return encodeBase32(Buffer.concat([body, checksum]));
}

/** CRC-16/XMODEM: polynomial 0x1021, initial value 0. */
function crc16(data: Uint8Array): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
