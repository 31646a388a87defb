import { createPrivateKey, createPublicKey, KeyObject, webcrypto } from "node:crypto";

/** ECDSA on P-256: every TLS client takes it, and a handshake costs a tenth of RSA's. */
export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export interface KeyPair {
  privateKey: webcrypto.CryptoKey;
  publicKey: webcrypto.CryptoKey;
  privateKeyObject: KeyObject;
}

export function generateKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

export async function generateKeyPem(): Promise<string> {
  return privateKeyPem((await generateKeyPair()).privateKey);
}

/** PKCS #8 in PEM. */
export function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

export async function importKeyPair(pem: string): Promise<KeyPair> {
  const privateKeyObject = createPrivateKey(pem);
  const pkcs8 = privateKeyObject.export({ type: "pkcs8", format: "der" });
  const spki = createPublicKey(privateKeyObject).export({ type: "spki", format: "der" });
  return {
    privateKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, KEY_ALGORITHM, false, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", spki, KEY_ALGORITHM, true, ["verify"]),
    privateKeyObject,
  };
}
