import { hash } from "node:crypto";
import { encodeBase32 } from "./base32.ts";
import type { Nkey } from "./nkey.ts";

/** NATS's own JWT profile, version 2 of its claims (nats-io/jwt): Ed25519 over header and payload, keys as nkeys. */
const HEADER = Buffer.from(JSON.stringify({ typ: "JWT", alg: "ed25519-nkey" })).toString("base64url");

export interface Claims {
  /** The public key this is about. */
  sub: string;
  name: string;
  /** Seconds since the epoch; absent: never. */
  exp?: number;
  nats: Record<string, unknown>;
}

export interface SignedClaims extends Claims {
  jti: string;
  iss: string;
  /** Seconds since the epoch. A revocation covers what was issued at its time or before. */
  iat: number;
}

export function signJwt(claims: Claims, issuer: Nkey, issuedAt: Date = new Date()): string {
  const body = { ...claims, iss: issuer.publicKey, iat: Math.floor(issuedAt.getTime() / 1000) };
  const jti = encodeBase32(hash("sha512-256", JSON.stringify(body), "buffer"));
  const signed = `${HEADER}.${Buffer.from(JSON.stringify({ ...body, jti })).toString("base64url")}`;
  return `${signed}.${issuer.sign(signed).toString("base64url")}`;
}

/** The claims of a JWT of our own; its signature is the server's to check. */
export function readJwt(jwt: string): SignedClaims {
  return JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8")) as SignedClaims;
}
